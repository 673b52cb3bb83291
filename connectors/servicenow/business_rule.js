/*
 * Accord webhook for ServiceNow: tells Accord that a record was inserted, updated or deleted.
 *
 * It carries no values: Accord reads the record itself, so nothing confidential leaves the instance this way and a
 * late or doubled delivery does no harm. It sends once; what is lost is found by Accord's polling.
 *
 * Install, once per table that is synchronised:
 *   1. System Properties: create `accord.webhook.url` (string; https://<accord>/webhooks/<connection>) and
 *      `accord.webhook.secret` (password; at least 32 random characters, the same as in `webhook_secrets` of the
 *      connection). To exchange the secret, add the new one to `webhook_secrets` first, then change the property.
 *   2. System Definition > Business Rules > New: table as needed (incident), Advanced, When: after,
 *      Insert, Update and Delete checked, Order 10000 (after the rules that still change the record).
 *   3. Paste this file as its script.
 * In a scoped application use GlideCertificateEncryption in place of CertificateEncryption.
 *
 * Wire format (connectors/servicenow/webhook.py):
 *   X-Accord-Timestamp: seconds since 1970
 *   X-Accord-Signature: sha256=<hex HMAC-SHA256 of "<timestamp>.<body>" under the secret>
 *
 * Source: ServiceNow developer documentation, "RESTMessageV2", "CertificateEncryption", "GlideStringUtil" (the key is
 * given in base64, the digest comes in base64). Not yet tried on a real instance: try it on a sub-production one first.
 */
(function executeRule(current) {
    var body = JSON.stringify({
        event_id: gs.generateGUID(),
        table: current.getTableName(),
        sys_id: current.getUniqueValue(),
        operation: current.operation(),
        sys_mod_count: current.getValue('sys_mod_count'),
        sys_updated_by: current.getValue('sys_updated_by'),
        sys_updated_on: current.getValue('sys_updated_on')
    });
    var timestamp = String(Math.floor(new GlideDateTime().getNumericValue() / 1000));

    var message = new sn_ws.RESTMessageV2();
    message.setHttpMethod('post');
    message.setEndpoint(gs.getProperty('accord.webhook.url'));
    message.setRequestHeader('Content-Type', 'application/json');
    message.setRequestHeader('X-Accord-Timestamp', timestamp);
    message.setRequestHeader('X-Accord-Signature', 'sha256=' + sign(timestamp + '.' + body));
    message.setRequestBody(body);
    message.executeAsync(); // the person who saves doesn't wait for Accord

    function sign(text) {
        var key = GlideStringUtil.base64Encode(gs.getProperty('accord.webhook.secret'));
        return toHex(new CertificateEncryption().generateMac(key, 'HmacSHA256', text));
    }

    function toHex(base64) {
        var bytes = GlideStringUtil.base64DecodeAsBytes(base64);
        var digits = '';
        for (var i = 0; i < bytes.length; i++) {
            digits += ('0' + (bytes[i] & 0xff).toString(16)).slice(-2);
        }
        return digits;
    }
})(current);
