from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from connectors.signatures import is_recent, is_signed, is_timely_and_signed, sign

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)
TIMESTAMP = str(int(NOW.timestamp()))


def verdict(
    *, timestamp: str = TIMESTAMP, signer: str = "new", body: bytes = b"{}", scheme: str = "sha256"
) -> bool:
    signature = f"{scheme}={sign(signer, TIMESTAMP.encode() + b'.' + b'{}')}"
    secrets = [SecretStr("old"), SecretStr("new")]
    return is_timely_and_signed(body, timestamp=timestamp, signature=signature, secrets=secrets, now=NOW)


def test_the_digest_is_the_standards() -> None:
    # RFC 4231, test case 2
    assert sign("Jefe", b"what do ya want for nothing?").startswith("5bdcc146bf60754e6a042426089575c7")


def test_any_active_secret_will_do() -> None:
    assert verdict(signer="new")
    assert verdict(signer="old")
    assert not verdict(signer="older")


def test_body_timestamp_and_scheme_are_all_proved() -> None:
    assert not verdict(body=b"{ }")
    assert not verdict(timestamp=str(int(NOW.timestamp()) + 1))
    assert not verdict(scheme="sha1")


def test_no_secret_signs_nothing() -> None:
    assert not is_signed(b"{}", sign("", b"{}"), [])


@pytest.mark.parametrize("age", [-300, -1, 0, 300])
def test_a_timestamp_inside_the_window_is_recent(age: int) -> None:
    assert is_recent(str(NOW.timestamp() - age), NOW)


@pytest.mark.parametrize(
    "timestamp", ["", "now", "nan", "inf", "1e400", str(NOW.timestamp() - 301), str(NOW.timestamp() + 301)]
)
def test_an_old_future_or_senseless_timestamp_is_not(timestamp: str) -> None:
    assert not is_recent(timestamp, NOW)


def test_an_old_delivery_sent_again_is_refused() -> None:
    signature = f"sha256={sign('old', TIMESTAMP.encode() + b'.{}')}"
    later = NOW + timedelta(minutes=6)
    assert not is_timely_and_signed(
        b"{}", timestamp=TIMESTAMP, signature=signature, secrets=[SecretStr("old")], now=later
    )
