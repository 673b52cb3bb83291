-- The store as it begins. `store/schema.py` says the same to SQLAlchemy; a test holds the two together.
-- Constraints do the guarding: what must never be true can't be stored. An index stands only where a query uses it.

-- ------------------------------------------------------------------------------------------------ declarations

CREATE TABLE integrations (
    name text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL, -- the YAML, verbatim
    applied_by text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_integrations PRIMARY KEY (name, version),
    CONSTRAINT ck_integrations_version CHECK (version > 0)
);

CREATE TABLE brakes (
    integration text NOT NULL,
    what text NOT NULL DEFAULT 'everything', -- or only what deletions lead to: edits flow on
    reason text NOT NULL,
    by text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_brakes PRIMARY KEY (integration, what),
    CONSTRAINT ck_brakes_what CHECK (what IN ('everything', 'deletions'))
);

CREATE TABLE connections (
    name text NOT NULL,
    health text NOT NULL DEFAULT 'ok',
    reason text NOT NULL DEFAULT '',
    since timestamptz NOT NULL DEFAULT now(), -- of this health
    paused_at timestamptz, -- by an operator; null while it isn't
    paused_by text,
    paused_for text,
    clock_offset_ms double precision, -- system time minus true time
    clock_uncertainty_ms double precision,
    clock_measured_at timestamptz,
    budget double precision, -- requests left in the bucket when last leased
    budget_at timestamptz,
    until timestamptz, -- the pause that the system asked for
    CONSTRAINT pk_connections PRIMARY KEY (name),
    CONSTRAINT ck_connections_health CHECK (health IN ('ok', 'unreachable', 'refused', 'limited')),
    CONSTRAINT ck_connections_paused CHECK (num_nulls(paused_at, paused_by, paused_for) IN (0, 3)),
    CONSTRAINT ck_connections_clock CHECK (num_nulls(clock_offset_ms, clock_uncertainty_ms, clock_measured_at) IN (0, 3)),
    CONSTRAINT ck_connections_budget CHECK (num_nulls(budget, budget_at) IN (0, 2))
);

CREATE TABLE cursors (
    connection text NOT NULL,
    record_type text NOT NULL,
    query text NOT NULL, -- a cursor means nothing to another query
    cursor text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    caught_up_at timestamptz, -- when a poll last came to the end of its query; null while the first one is on its way
    CONSTRAINT pk_cursors PRIMARY KEY (connection, record_type, query)
);

CREATE TABLE descriptions (
    connection text NOT NULL,
    record_type text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(), -- the last claim: of several who watch, one asks
    seen_at timestamptz, -- null until the system has answered once
    description jsonb, -- its fields, and the values that mapped ones take
    changes jsonb NOT NULL DEFAULT '[]', -- what of it is no longer as it was once seen
    CONSTRAINT pk_descriptions PRIMARY KEY (connection, record_type),
    CONSTRAINT ck_descriptions_seen CHECK (num_nulls(seen_at, description) IN (0, 2))
);

-- ------------------------------------------------------------------------------------------------------- pairs

CREATE TABLE pairs (
    id text NOT NULL,
    integration text NOT NULL,
    version integer NOT NULL,
    link text NOT NULL DEFAULT 'active',
    link_reason text NOT NULL DEFAULT '',
    state text[] NOT NULL DEFAULT '{}',
    state_since timestamptz NOT NULL DEFAULT now(),
    waits_for text NOT NULL DEFAULT '',
    paused boolean NOT NULL DEFAULT false,
    quarantine text, -- why it is stopped; null while it isn't
    created_at timestamptz NOT NULL DEFAULT now(),
    last_pass_at timestamptz,
    CONSTRAINT pk_pairs PRIMARY KEY (id),
    CONSTRAINT fk_pairs_version FOREIGN KEY (integration, version) REFERENCES integrations (name, version),
    CONSTRAINT ck_pairs_link CHECK (link IN ('active', 'detached', 'closed'))
);
CREATE INDEX ix_pairs_integration ON pairs (integration, id);

CREATE TABLE snapshots (
    id bigint GENERATED ALWAYS AS IDENTITY,
    pair_id text NOT NULL,
    side text NOT NULL,
    version text NOT NULL, -- the system's token
    hash text NOT NULL, -- of the fields: a token that lies is found out
    modified_at timestamptz,
    body jsonb NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_snapshots PRIMARY KEY (id),
    CONSTRAINT uq_snapshots_content UNIQUE (pair_id, side, version, hash),
    CONSTRAINT fk_snapshots_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_snapshots_side CHECK (side IN ('a', 'b'))
);

CREATE TABLE pair_ends (
    pair_id text NOT NULL,
    side text NOT NULL,
    integration text NOT NULL,
    connection text NOT NULL,
    record_type text NOT NULL,
    record_id text NOT NULL,
    key text NOT NULL, -- what people call it; may change
    url text,
    active boolean NOT NULL DEFAULT true, -- the link is
    snapshot_id bigint, -- the last one; not the newest row, because a record can return to an earlier version
    outside_since timestamptz, -- since when the record lies outside of its scope; null while it lies within
    late_writer boolean NOT NULL DEFAULT false, -- an attempt was taken for dead whose request may still come
    fence timestamptz, -- a look that was scheduled before this one keeps nothing: it was taken for dead, or given up
    CONSTRAINT pk_pair_ends PRIMARY KEY (pair_id, side),
    CONSTRAINT fk_pair_ends_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT fk_pair_ends_snapshot FOREIGN KEY (snapshot_id) REFERENCES snapshots (id),
    CONSTRAINT ck_pair_ends_side CHECK (side IN ('a', 'b'))
);
-- A record is an end of at most one active pair within one integration, on whichever side.
CREATE UNIQUE INDEX uq_pair_ends_active_record ON pair_ends (integration, connection, record_type, record_id) WHERE active;
CREATE INDEX ix_pair_ends_record ON pair_ends (connection, record_id) WHERE active;
CREATE INDEX ix_pair_ends_former ON pair_ends (integration, connection, record_id) WHERE NOT active;
CREATE INDEX ix_pair_ends_key ON pair_ends (lower(key));

CREATE TABLE baselines (
    pair_id text NOT NULL,
    field text NOT NULL,
    native_a text NOT NULL,
    native_b text NOT NULL,
    half_a jsonb NOT NULL,
    half_b jsonb NOT NULL,
    revision integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_baselines PRIMARY KEY (pair_id, field),
    CONSTRAINT fk_baselines_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_baselines_revision CHECK (revision > 0)
);

CREATE TABLE parked_units (
    pair_id text NOT NULL,
    unit text NOT NULL,
    cause text NOT NULL, -- flap, refused; torn: a merge stands on one side only, a person must decide
    reason text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_parked_units PRIMARY KEY (pair_id, unit),
    CONSTRAINT fk_parked_units_pair FOREIGN KEY (pair_id) REFERENCES pairs (id)
);

-- Records of pairs that are gone, and how far what follows from it has come.
CREATE TABLE losses (
    pair_id text NOT NULL,
    record_id text NOT NULL, -- the one that is gone
    integration text NOT NULL,
    side text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    allowed boolean NOT NULL DEFAULT false, -- somebody looked at it and released the brake
    sent text, -- a request about the other record may have left: delete, archive, recreate
    CONSTRAINT pk_losses PRIMARY KEY (pair_id, record_id),
    CONSTRAINT fk_losses_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_losses_side CHECK (side IN ('a', 'b')),
    CONSTRAINT ck_losses_sent CHECK (sent IN ('delete', 'archive', 'recreate'))
);
CREATE INDEX ix_losses_recent ON losses (integration, side, seen_at) WHERE NOT allowed;

-- Edits of people that a write of ours hit, until policy has judged them.
CREATE TABLE overwritten (
    pair_id text NOT NULL,
    side text NOT NULL,
    field text NOT NULL, -- native
    version jsonb NOT NULL,
    ours jsonb NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_overwritten PRIMARY KEY (pair_id, side, field),
    CONSTRAINT fk_overwritten_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_overwritten_side CHECK (side IN ('a', 'b'))
);

-- Every value that a field of a paired record took. One partition per month (`store/months.py`), so old months are
-- dropped, not deleted. The default partition catches what comes before its month was made.
CREATE SEQUENCE field_versions_n;
CREATE TABLE field_versions (
    pair_id text NOT NULL,
    n bigint NOT NULL DEFAULT nextval('field_versions_n'), -- in the order in which we learned of them
    side text NOT NULL,
    field text NOT NULL, -- native
    value jsonb NOT NULL,
    old jsonb NOT NULL,
    at timestamptz, -- the system's own stamp, uncorrected
    by text,
    origin text NOT NULL,
    sequence bigint,
    seen_by text NOT NULL, -- read: our own look; stamp: the read carried it; history: the system's change history
    seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_field_versions PRIMARY KEY (pair_id, n, seen_at),
    CONSTRAINT fk_field_versions_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_field_versions_side CHECK (side IN ('a', 'b')),
    CONSTRAINT ck_field_versions_seen_by CHECK (seen_by IN ('read', 'stamp', 'history'))
) PARTITION BY RANGE (seen_at);
ALTER SEQUENCE field_versions_n OWNED BY field_versions.n;
CREATE TABLE field_versions_unplanned PARTITION OF field_versions DEFAULT;

-- Make the partitions of this month and of those ahead, moving in what the default partition caught of them.
CREATE FUNCTION open_months(ahead integer) RETURNS void LANGUAGE plpgsql SET timezone TO 'UTC' AS $$
DECLARE
    first timestamptz;
    next timestamptz;
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('accord: months')); -- two processes may start together
    FOR first IN
        SELECT generate_series(date_trunc('month', now()), now() + make_interval(months => ahead), '1 month')
    LOOP
        next := first + interval '1 month';
        partition := 'field_versions_' || to_char(first, 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        LOCK TABLE field_versions_unplanned IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE field_versions INCLUDING ALL)', partition);
        EXECUTE format(
            'WITH caught AS (DELETE FROM field_versions_unplanned WHERE seen_at >= $1 AND seen_at < $2 RETURNING *)'
            ' INSERT INTO %I SELECT * FROM caught', partition
        ) USING first, next;
        EXECUTE format('ALTER TABLE field_versions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, first, next);
    END LOOP;
END
$$;

-- ------------------------------------------------------------------------------------------------------- plans

CREATE TABLE plans (
    id bigint GENERATED ALWAYS AS IDENTITY,
    pair_id text NOT NULL,
    version integer NOT NULL, -- of the declaration that it was made by
    state text NOT NULL DEFAULT 'open',
    snapshot_a bigint NOT NULL, -- no foreign keys: they would cost an index each, only to let `accord prune` delete
    snapshot_b bigint NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    CONSTRAINT pk_plans PRIMARY KEY (id),
    CONSTRAINT fk_plans_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_plans_state CHECK (state IN ('open', 'done', 'overtaken', 'refused', 'partial')),
    CONSTRAINT ck_plans_closed CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX uq_plans_open ON plans (pair_id) WHERE state = 'open';

CREATE TABLE plan_steps (
    id bigint GENERATED ALWAYS AS IDENTITY,
    plan_id bigint NOT NULL,
    n integer NOT NULL,
    side text NOT NULL,
    fields jsonb NOT NULL,
    expect jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    holder text, -- the attempt that may send and commit it
    claimed_at timestamptz,
    response jsonb NOT NULL DEFAULT 'null',
    finished_at timestamptz,
    CONSTRAINT pk_plan_steps PRIMARY KEY (id),
    CONSTRAINT uq_plan_steps_n UNIQUE (plan_id, n),
    CONSTRAINT fk_plan_steps_plan FOREIGN KEY (plan_id) REFERENCES plans (id) ON DELETE CASCADE,
    CONSTRAINT ck_plan_steps_side CHECK (side IN ('a', 'b')),
    CONSTRAINT ck_plan_steps_state CHECK (state IN ('pending', 'claimed', 'done', 'skipped', 'refused', 'overtaken')),
    CONSTRAINT ck_plan_steps_claim CHECK (state <> 'claimed' OR num_nulls(holder, claimed_at) = 0),
    CONSTRAINT ck_plan_steps_finished CHECK ((state IN ('pending', 'claimed')) = (finished_at IS NULL))
);

CREATE TABLE write_ledger (
    id bigint GENERATED ALWAYS AS IDENTITY,
    pair_id text NOT NULL,
    side text NOT NULL,
    connection text NOT NULL,
    record_type text NOT NULL,
    record_id text NOT NULL,
    version text NOT NULL, -- the token that the write's own response carried
    fields_hash text NOT NULL,
    exact boolean NOT NULL, -- the token is unique per write
    request jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_write_ledger PRIMARY KEY (id),
    CONSTRAINT fk_write_ledger_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_write_ledger_side CHECK (side IN ('a', 'b'))
);
CREATE INDEX ix_write_ledger_own ON write_ledger (connection, record_id, version) WHERE exact;

-- ------------------------------------------------------------------------------------------ conflicts, reviews

CREATE TABLE conflicts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    conflict_id text NOT NULL,
    n integer NOT NULL,
    pair_id text NOT NULL,
    integration text NOT NULL,
    version integer NOT NULL,
    unit text NOT NULL,
    kind text NOT NULL,
    stage text NOT NULL,
    policy text NOT NULL,
    rule text NOT NULL,
    winner text,
    by text,
    line jsonb NOT NULL, -- the whole line; the columns before it are what is searched
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_conflicts PRIMARY KEY (id),
    CONSTRAINT uq_conflicts_n UNIQUE (conflict_id, n),
    CONSTRAINT fk_conflicts_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_conflicts_n CHECK (n > 0),
    CONSTRAINT ck_conflicts_stage CHECK (stage IN ('opened', 'decided', 'resolved'))
);
CREATE INDEX ix_conflicts_pair ON conflicts (pair_id, id);
CREATE INDEX ix_conflicts_integration ON conflicts (integration, at);

CREATE TABLE reviews (
    token text NOT NULL, -- the conflict id
    pair_id text NOT NULL,
    unit text NOT NULL,
    state text NOT NULL DEFAULT 'open',
    opened_at timestamptz NOT NULL, -- the unit's first opening, kept when the conflict moves on
    request jsonb NOT NULL,
    reminded_at timestamptz,
    escalated_at timestamptz,
    closed_at timestamptz,
    closed_because text NOT NULL DEFAULT '',
    moved_to text, -- the token of the review that took this one's place
    decided_by text,
    CONSTRAINT pk_reviews PRIMARY KEY (token),
    CONSTRAINT fk_reviews_pair FOREIGN KEY (pair_id) REFERENCES pairs (id),
    CONSTRAINT ck_reviews_state CHECK (state IN ('open', 'decided', 'closed', 'withdrawn')),
    CONSTRAINT ck_reviews_closed CHECK ((state = 'open') = (closed_at IS NULL)),
    CONSTRAINT ck_reviews_decided CHECK (state <> 'decided' OR decided_by IS NOT NULL)
);
CREATE UNIQUE INDEX uq_reviews_open ON reviews (pair_id, unit) WHERE state = 'open';

-- Every decision and what became of it, refusals included. No foreign key: a refused token may be any text.
CREATE TABLE decisions (
    n bigint GENERATED ALWAYS AS IDENTITY,
    pair_id text NOT NULL,
    token text NOT NULL,
    unit text NOT NULL,
    accepted boolean NOT NULL,
    decision jsonb NOT NULL,
    verdict jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_decisions PRIMARY KEY (n),
    CONSTRAINT fk_decisions_pair FOREIGN KEY (pair_id) REFERENCES pairs (id)
);
CREATE INDEX ix_decisions_token ON decisions (token, n);

-- ---------------------------------------------------------------------------------------- hearing, linking

CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY,
    connection text NOT NULL,
    delivery_id text, -- the system's own, if it sends one
    notices jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    signalled_at timestamptz,
    CONSTRAINT pk_deliveries PRIMARY KEY (id)
);
CREATE UNIQUE INDEX uq_deliveries_delivery_id ON deliveries (connection, delivery_id) WHERE delivery_id IS NOT NULL;
-- Whether a version was heard of already: a poll then leaves alone what a webhook has told.
CREATE INDEX ix_deliveries_version ON deliveries (connection, (notices #>> '{0,ref,id}'), (notices #>> '{0,version}'))
    WHERE notices #>> '{0,version}' IS NOT NULL;
CREATE INDEX ix_deliveries_unsignalled ON deliveries (received_at) WHERE signalled_at IS NULL;

CREATE TABLE creations (
    key text NOT NULL, -- the marker that the new record carries
    integration text NOT NULL,
    connection text NOT NULL, -- of the record that is to get a counterpart
    record_type text NOT NULL,
    record_id text NOT NULL,
    state text NOT NULL DEFAULT 'reserved',
    created jsonb NOT NULL DEFAULT 'null', -- the counterpart's reference
    halves jsonb NOT NULL DEFAULT '{}', -- field → [native on A, native on B, half on A, half on B] as it was made
    reserved_at timestamptz NOT NULL DEFAULT now(),
    attempted_at timestamptz, -- the last attempt; index lag is waited out from here
    CONSTRAINT pk_creations PRIMARY KEY (key),
    CONSTRAINT uq_creations_source UNIQUE (integration, connection, record_type, record_id),
    CONSTRAINT ck_creations_state CHECK (state IN ('reserved', 'sent', 'unknown', 'adopted', 'created')),
    CONSTRAINT ck_creations_created CHECK ((state IN ('adopted', 'created')) = (created <> 'null'))
);

-- Unlinked records that wait: for a person to say which belong together, or for a create to be taken.
CREATE TABLE held_matches (
    id text NOT NULL, -- a hash over the integration, the kind and the records
    integration text NOT NULL,
    kind text NOT NULL,
    found_by text NOT NULL, -- the match key that led from one to the others
    reason text NOT NULL,
    records jsonb NOT NULL, -- side → [{ref, key, url}]
    members text[] NOT NULL, -- all of their references
    tried text NOT NULL DEFAULT '', -- what was refused: the record's version and the declaration's
    opened_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_held_matches PRIMARY KEY (id),
    CONSTRAINT ck_held_matches_kind CHECK (kind IN ('duplicate_candidate', 'refused'))
);
CREATE INDEX ix_held_matches_members ON held_matches USING gin (members);

-- What people said of unlinked records: create a counterpart whatever was found, or leave it alone.
CREATE TABLE match_decisions (
    integration text NOT NULL,
    connection text NOT NULL,
    record_type text NOT NULL,
    record_id text NOT NULL,
    decision text NOT NULL,
    by text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_match_decisions PRIMARY KEY (integration, connection, record_type, record_id),
    CONSTRAINT ck_match_decisions_decision CHECK (decision IN ('create', 'ignore'))
);

-- ------------------------------------------------------------------------------------------------ initial load

-- Initial loads and their plans: how far each is, and what it came to. One at a time per integration.
CREATE TABLE backfills (
    id bigint GENERATED ALWAYS AS IDENTITY,
    run text NOT NULL, -- the workflow's run: beginning twice is beginning once
    integration text NOT NULL,
    version integer NOT NULL,
    dry_run boolean NOT NULL,
    asked_by text NOT NULL,
    phase text NOT NULL DEFAULT 'listing_a',
    place text NOT NULL DEFAULT '', -- where the phase goes on: a system's cursor, or a number of backfill_records
    tally jsonb NOT NULL DEFAULT '{}',
    seen text NOT NULL DEFAULT '', -- a digest of all records and their versions, as listed
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT pk_backfills PRIMARY KEY (id),
    CONSTRAINT uq_backfills_run UNIQUE (run),
    CONSTRAINT ck_backfills_phase CHECK (phase IN ('listing_a', 'listing_b', 'matching_a', 'matching_b', 'listed', 'done', 'dropped'))
);
CREATE UNIQUE INDEX uq_backfills_open ON backfills (integration) WHERE ended_at IS NULL;

-- What an initial load has listed; gone when it ends.
CREATE TABLE backfill_records (
    backfill bigint NOT NULL,
    side text NOT NULL,
    record_id text NOT NULL,
    n bigint GENERATED ALWAYS AS IDENTITY, -- in the order in which they are matched
    key text NOT NULL,
    version text NOT NULL,
    taken boolean NOT NULL DEFAULT false, -- this load has linked it, or given it a counterpart
    CONSTRAINT pk_backfill_records PRIMARY KEY (backfill, side, record_id),
    CONSTRAINT fk_backfill_records_backfill FOREIGN KEY (backfill) REFERENCES backfills (id)
);
CREATE INDEX ix_backfill_records_n ON backfill_records (backfill, side, n);

-- What they are found by and look for, as digests: no value of a record stands here.
CREATE TABLE backfill_keys (
    backfill bigint NOT NULL,
    side text NOT NULL,
    record_id text NOT NULL,
    match_key text NOT NULL,
    own text,
    wants text,
    CONSTRAINT pk_backfill_keys PRIMARY KEY (backfill, side, record_id, match_key),
    CONSTRAINT fk_backfill_keys_record FOREIGN KEY (backfill, side, record_id)
        REFERENCES backfill_records (backfill, side, record_id) ON DELETE CASCADE
);
CREATE INDEX ix_backfill_keys_own ON backfill_keys (backfill, side, match_key, own);

-- ------------------------------------------------------------------------------------------------------ sweeps

CREATE TABLE sweeps (
    integration text NOT NULL,
    side text NOT NULL,
    sweep text NOT NULL, -- names the sweep; its attempts share it
    cursor text, -- where its last page ended; null before the first
    is_listed boolean NOT NULL DEFAULT false,
    listed integer NOT NULL DEFAULT 0,
    behind integer NOT NULL DEFAULT 0,
    unlisted integer, -- linked records in step that weren't listed; null until it is known
    CONSTRAINT pk_sweeps PRIMARY KEY (integration, side)
);

-- What a sweep that is under way has listed; gone when its side is done.
CREATE TABLE sweep_records (
    integration text NOT NULL,
    side text NOT NULL,
    record_id text NOT NULL,
    CONSTRAINT pk_sweep_records PRIMARY KEY (integration, side, record_id),
    CONSTRAINT fk_sweep_records_side FOREIGN KEY (integration, side) REFERENCES sweeps (integration, side)
);

-- ---------------------------------------------------------------------------------------------- alerts, audit

CREATE TABLE alerts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    key text NOT NULL,
    kind text NOT NULL,
    pair_id text,
    message text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    cleared_at timestamptz,
    CONSTRAINT pk_alerts PRIMARY KEY (id),
    CONSTRAINT fk_alerts_pair FOREIGN KEY (pair_id) REFERENCES pairs (id)
);
CREATE UNIQUE INDEX uq_alerts_raised ON alerts (key) WHERE cleared_at IS NULL;
CREATE INDEX ix_alerts_pair ON alerts (pair_id) WHERE cleared_at IS NULL;

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    what text NOT NULL,
    pair_id text,
    detail jsonb NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id),
    CONSTRAINT fk_audit_pair FOREIGN KEY (pair_id) REFERENCES pairs (id)
);
CREATE INDEX ix_audit_pair ON audit (pair_id, id);

-- ------------------------------------------------------------------------------------------------ append only

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % is refused', tg_table_name, tg_op USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON integrations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON conflicts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
