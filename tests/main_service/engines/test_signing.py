"""What was signed by the previous release is still good: each literal was made by its code, with this secret."""

from hashlib import sha256
from ipaddress import ip_address
from uuid import UUID

import pytest
from pydantic import SecretStr

from main_service.accounts.errors import TokenInvalidError
from main_service.accounts.jwt_tokens import JwtTokens, Use
from main_service.accounts.signed_links import Purpose, SignedLinks
from main_service.engines.rate_limits import RateLimit
from main_service.engines.signing import Signer, SigningLabel, is_same_signature
from main_service.entries.idempotency import account_scope, guest_scope
from main_service.entries.permissions import ManageTokens
from main_service.keys.bloom import KeyHash, KeyHasher
from main_service.settings import Settings
from main_service.settings.quotas import Quota
from main_service.visit_stream.encoder import VisitEncoder
from main_service.web.cursors import Cursors

SECRET = SecretStr("the secret that no installation has, 0123456789")
SETTINGS = Settings(
    secret=SECRET,
    public_url="https://slip.example",
    database_url="postgresql+asyncpg://nobody@127.0.0.1/none",
    redis_url="redis://127.0.0.1:1",
    broker_url="redis://127.0.0.1:1",
    body_store_url="file:///nowhere",
    visit_ip="full",
)
KEY = "2bNkAzGtx9q"
LINK_CLAIMS = "WyJhZGFAZXhhbXBsZS5vcmciLDQ5NDk1NzQ4MzRd"
"""`["ada@example.org", ...]`, until the year 2126."""


@pytest.mark.parametrize(
    ("generation", "token"),
    [(0, "fkmDfZ0V7bOf_MAXO1_gthkslyMzy2mwcopfkw6gOrU"), (2, "fKzWMf8acU9S_iog2Mp8s7bIiQwlpjE00xrpyh-R-kc")],
)
def test_manage_tokens(generation: int, token: str) -> None:
    ManageTokens(SETTINGS).check(KEY, token, generation)


@pytest.mark.parametrize(
    ("purpose", "signature"),
    [
        (Purpose.CONFIRM, "03454f3d83e0abe90e63657fbd91508a652a7cefbb9966d6308af41c60b21a62"),
        (Purpose.CONFIRM_NEW, "7f4a02fd9c4b6d3cf2abc50c5fa325d77a6413031d222fb3ed70f94e0454f1a0"),
        (Purpose.RESET, "1a8e0616c14fe751eb2bd2257ac599906c87ce9fe6130e5963cac155c0472033"),
        (Purpose.REPORT, "df71f913d39a0e86bb708dbf398b213da54ea3ba60e6f9297f83ab7f6471f1a7"),
    ],
)
def test_links_in_emails(purpose: Purpose, signature: str) -> None:
    SignedLinks(SETTINGS).check(purpose, f"{LINK_CLAIMS}-{signature}", state="as it is")


def test_state_that_a_link_hangs_on() -> None:
    assert SignedLinks(SETTINGS).fingerprint("as it is") == "1dd7b0de0e16250d8971b52db3c02c23"


@pytest.mark.parametrize(
    ("use", "claims_and_signature"),
    [
        (
            Use.ACCESS,
            "eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDciLCJzaWQiOiIwMDAwMDAwMC0w"
            "MDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDgiLCJhdWQiOiJzbGlwYmluOmFjY2VzcyIsImlzcyI6Imh0dHBz"
            "Oi8vc2xpcC5leGFtcGxlIiwiaWF0IjoxNzk1OTc0ODM0LCJleHAiOjQ5NDk1NzQ4MzQsImp0aSI6Ijg0ZWEy"
            "MjUwMTU0MDQ2MWY5NWIyMGYyOTQzN2ZhNmYwIiwic2Vzc2lvbl9lcG9jaCI6M30.2LmPw_g339KcdEkFPDsm"
            "hKHQHDxI6Vs1hDw2G1Z9lqc",
        ),
        (
            Use.REFRESH,
            "eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDciLCJzaWQiOiIwMDAwMDAwMC0w"
            "MDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDgiLCJhdWQiOiJzbGlwYmluOnJlZnJlc2giLCJpc3MiOiJodHRw"
            "czovL3NsaXAuZXhhbXBsZSIsImlhdCI6MTc5NTk3NDgzNCwiZXhwIjo0OTQ5NTc0ODM0LCJqdGkiOiJhMWI5"
            "ZTNlZmY2Zjc0MmY5YWZjMzE1MGI0NWJjM2I2MSIsInNlc3Npb25fZXBvY2giOjN9.bqukxk7h4ZhSGqA7CIa"
            "3UXkxIFszpxKsO7zKco81OMs",
        ),
        (
            Use.BROWSER,
            "eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDciLCJzaWQiOiIwMDAwMDAwMC0w"
            "MDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDgiLCJhdWQiOiJzbGlwYmluOmJyb3dzZXIiLCJpc3MiOiJodHRw"
            "czovL3NsaXAuZXhhbXBsZSIsImlhdCI6MTc5NTk3NDgzNCwiZXhwIjo0OTQ5NTc0ODM0LCJqdGkiOiIyY2Q3"
            "YmI4N2MxOTQ0ODBjYmUyOWE2OGYxMmY4YWQ1OSIsInNlc3Npb25fZXBvY2giOjN9.8vX3AgzPB5YUB86VZIw"
            "IaHVjWZtbep3dWlY2qBufXrk",
        ),
    ],
)
def test_tokens_of_sessions(use: Use, claims_and_signature: str) -> None:
    """These tokens are valid until the year 2126."""
    token = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{claims_and_signature}"
    assert JwtTokens(SETTINGS).read(token, use).account_id == UUID(int=7)
    with pytest.raises(TokenInvalidError):
        JwtTokens(SETTINGS).read(token[:-9] + "AAAAAAAAA", use)


def test_cursors() -> None:
    cursor = "8YkESCY2jcppUqhBq8LrDlsiY3JlYXRlZCIsIjIwMjYtMDEtMDJUMDM6MDQ6MDUrMDA6MDAiLCIyYk5rQXpHdHg5cSJd"
    assert Cursors(SETTINGS).read(cursor, "created", is_by_time=True).key == KEY


def test_tokens_of_open_forms() -> None:
    signed = sha256(b"session").digest() + b"cookie"
    signature = "6aff204ae0f536c01c88ca06b12cbcb75c5f1480496d3932e93d17347c55de57"
    assert Signer(SECRET, SigningLabel.FORM).sign(signed).hex() == signature


def test_visitors_of_a_day() -> None:
    encoder = VisitEncoder(SETTINGS)
    visit = encoder.encode(
        KEY,
        at_ms=1_800_000_000_000,
        address=encoder.visitor_address(ip_address("203.0.113.9")),
        host=b"slip.example",
        user_agent=b"Firefox",
        referrer=b"",
        language=b"",
    )
    assert visit == b'[1800000000000,"2bNkAzGtx9q","203.0.113.9","4f33c94f1501b936","Firefox","",""]'


def test_bits_of_the_membership_filter() -> None:
    hasher = KeyHasher(SECRET)
    assert hasher.fingerprint == "b9709dd6"
    assert hasher.hash(KEY) == KeyHash(first=677011821, second=2707312525)


def test_scopes_of_idempotency_keys() -> None:
    of_account = account_scope(SETTINGS, account_id=UUID(int=7), method="POST", path="/api/v1/pastes")
    of_guest = guest_scope(SETTINGS, address=ip_address("2001:db8::1"), method="POST", path="/api/v1/pastes")
    assert of_account.hex() == "8b4feb4b96c2a91a8787263de5846cd81e001089f2dfdfda1465bf61939181d1"
    assert of_guest.hex() == "7c1f6311f0d8459a08a66eb3a8d995b503a138af74fc2ec6f94d475ffaf61eb4"


@pytest.mark.parametrize(
    ("purpose", "digest"),
    [
        ("creates", "4cb5b81e3e29152707b3b30e"),
        ("bytes", "5bff028660d3905cf5a0e9a4"),
        ("statistics", "b1a9ad3b9390294cf2a7dfd3"),
        ("exports", "fa88848115362bddbfb28ad8"),
        ("registrations", "c5c6c69c3c0c28daeab1a765"),
        ("emails", "ed519b240119f634a9b5fa1f"),
        ("emails-to-recipient", "d177be9b985ac387af7a7dec"),
        ("emails-to-recipient-from-all", "a6d5e85980a574ba7acd1d6d"),
        ("sign-in-name", "a91dce7568390c3971f920e3"),
        ("sign-in-address", "a6815950b2378dd36f61b0e4"),
        ("password-again", "660662275aa6feeaf266a1e0"),
        ("unknown-keys", "dabdce4346cab9ebeefbfc9c"),
    ],
)
def test_counters_of_rate_limits(purpose: str, digest: str) -> None:
    (counter,) = RateLimit(purpose, (Quota(1, 60),), secret=SECRET).counters(b"subject")
    assert counter.name == f"limit:{{0}}:{purpose}:minute:{digest}"


def test_no_label_begins_with_another() -> None:
    labels = [label.value for label in SigningLabel]
    assert not [(one, other) for one in labels for other in labels if one != other and other.startswith(one)]


def test_key_of_a_new_purpose_is_derived_as_in_rfc_5869() -> None:
    """HKDF with SHA-256 and without salt, as `cryptography` has it."""
    from cryptography.hazmat.primitives import hashes, hmac
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"a new purpose").derive(SECRET.get_secret_value().encode())
    expected = hmac.HMAC(derived, hashes.SHA256())
    expected.update(b"message")
    assert Signer(SECRET, "a new purpose").sign(b"message") == expected.finalize()


@pytest.mark.parametrize("given", ["", "abd", "abcd", "äöü", "\ud800"])
def test_other_text_is_not_the_signature(given: str) -> None:
    assert is_same_signature("abc", "abc")
    assert not is_same_signature(given, "abc")
