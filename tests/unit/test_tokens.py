"""Valid and forged access tokens, at the verifier and at a route without a gateway."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from local.events import flatten_claims
from moniqo_core import bootstrap
from moniqo_core.domain.errors import TemporarilyUnavailableError, UnauthenticatedError
from moniqo_core.http import authentication
from moniqo_core.http.app import api_router, lambda_handler
from moniqo_core.http.authentication import AdminDep, Caller, CallerDep
from moniqo_core.http.responses import no_content
from moniqo_core.http.tokens.verifier import KEYS_FRESH_SECONDS, REFETCH_SECONDS, SEEN, TokenVerifier, fetch
from tests.support.lambdas import ADMIN, TRADER, User, http_event
from tests.support.tokens import CLIENT_ID, ISSUER, claims, ec_key, key_set, rsa_jwk, rsa_key, token


class Issuer:
    """Serves a key set, and counts how often it is asked. The clock stands still until a test moves it."""

    def __init__(self) -> None:
        self.keys = key_set()
        self.asked = 0
        self.away = False
        self.time = 1000.0

    def fetch(self, url: str) -> bytes:
        assert url == f"{ISSUER}/.well-known/jwks.json"
        self.asked += 1
        if self.away:
            raise OSError("away")
        return self.keys

    def verifier(self) -> TokenVerifier:
        url = f"{ISSUER}/.well-known/jwks.json"
        return TokenVerifier(ISSUER, CLIENT_ID, url, fetch=self.fetch, clock=lambda: self.time)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def encode(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def hmac_token(secret: bytes, **header: str) -> str:
    signed = f"{encode({'alg': 'HS256', 'kid': 'rsa-1', 'typ': 'JWT'} | header)}.{encode(claims())}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def public_pem() -> bytes:
    return rsa_key("issuer").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def tampered(**changes: Any) -> str:
    header, _, signature = token().split(".")
    return f"{header}.{encode(claims(**changes))}.{signature}"


NOW = int(time.time())
FORGED = {
    "algorithm none": f"{encode({'alg': 'none', 'kid': 'rsa-1'})}.{encode(claims())}.",
    "algorithm None, no key id": f"{encode({'alg': 'None'})}.{encode(claims())}.",
    "HS256 with the public key as secret": hmac_token(public_pem()),
    "HS256 with the JWK as secret": hmac_token(json.dumps(rsa_jwk("rsa-1")).encode()),
    "HS256 with the EC key's id": hmac_token(public_pem(), kid="ec-1"),
    "RS512 with the right key": token(algorithm="RS512"),
    "PS256 with the right key": token(algorithm="PS256"),
    "RSA signature under the EC key's id": token(headers={"kid": "ec-1"}),
    "another key under our key id": token(key=rsa_key("attacker")),
    "unknown key id": token(key=rsa_key("attacker"), headers={"kid": "attacker"}),
    "no key id": f"{encode({'alg': 'RS256'})}.{encode(claims())}.{token().rpartition('.')[2]}",
    "key in the header": token(key=rsa_key("attacker"), headers={"jwk": rsa_jwk("rsa-1", "attacker")}),
    "key set of the attacker": token(
        key=rsa_key("attacker"), headers={"kid": "attacker", "jku": "https://attacker.example/jwks.json"}
    ),
    "unknown critical header": token(headers={"crit": ["b64"], "b64": True}),
    "another issuer": token(iss="https://issuer.example.test/other"),
    "no issuer": token(iss=None),
    "another client": token(client_id="other-client"),
    "no client": token(client_id=None),
    "another audience": token(aud="other-client", client_id=None),
    "our audience, another client": token(aud=CLIENT_ID, client_id="other-client"),
    "expired": token(exp=NOW - 60),
    "no expiry": token(exp=None),
    "expiry that is no number": token(exp="never"),
    "not valid yet": token(nbf=NOW + 600),
    "issued in the future": token(iat=NOW + 600),
    "id token": token(token_use="id", aud=CLIENT_ID),
    "refresh token": token(token_use="refresh"),
    "tampered subject": tampered(sub="somebody-else"),
    "tampered groups": tampered(**{"cognito:groups": ["admin"]}),
    "signature cut short": token()[:-10],
    "signature missing": token().rpartition(".")[0] + ".",
    "two parts": token().rpartition(".")[0],
    "five parts": token() + ".a.b",
    "not a token": "nonsense",
    "empty": "",
    "claims that are no object": f"{encode({'alg': 'RS256', 'kid': 'rsa-1'})}.{encode([])}.AAAA",
    "very long": token(padding="x" * 9000),
    "not ASCII": token() + "\u00e9",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_forged_tokens_are_refused(issuer: Issuer, forged: str) -> None:
    with pytest.raises(UnauthenticatedError):
        issuer.verifier().verify(forged)


def test_valid_tokens_verify(issuer: Issuer) -> None:
    verifier = issuer.verifier()

    assert verifier.verify(token())["sub"] == "user-1"
    assert verifier.verify(token(key=ec_key(), algorithm="ES256", headers={"kid": "ec-1"}))["sub"] == "user-1"
    assert verifier.verify(token(aud=CLIENT_ID, client_id=None, token_use=None, scope="openid"))["sub"] == "user-1"
    assert verifier.verify(token(aud=["other", CLIENT_ID], client_id=None))["sub"] == "user-1"
    assert verifier.verify(token(headers={"jku": "https://attacker.example/jwks.json"}))["sub"] == "user-1"
    assert issuer.asked == 1


@given(st.text(max_size=200))
def test_arbitrary_text_raises_only_unauthenticated(text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        Issuer().verifier().verify(text)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "b64"]), st.none() | st.integers() | st.text())
)
def test_arbitrary_header_raises_only_unauthenticated(header: dict[str, object]) -> None:
    with pytest.raises(UnauthenticatedError):
        Issuer().verifier().verify(f"{encode(header)}.{encode(claims())}.AAAA")


def test_unknown_keys_cause_one_fetch_per_interval(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    new = token(key=rsa_key("next"), headers={"kid": "rsa-2"})
    verifier.verify(token())
    issuer.keys = key_set(rsa_jwk("rsa-2", "next"))

    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            verifier.verify(new)
    assert issuer.asked == 1

    issuer.time += REFETCH_SECONDS + 1
    assert verifier.verify(new)["sub"] == "user-1"
    assert issuer.asked == 2


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was checked, in this order."""
    tokens, decode = list[str](), jwt.decode

    def noted(token: str, *given: Any, **options: Any) -> dict[str, Any]:
        tokens.append(token)
        claims: dict[str, Any] = decode(token, *given, **options)
        return claims

    monkeypatch.setattr(jwt, "decode", noted)
    return tokens


def test_verified_token_is_remembered_until_it_expires(
    issuer: Issuer, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expires_at = int(time.time()) + 600
    verifier, brief = issuer.verifier(), token(exp=expires_at)
    first = verifier.verify(brief)
    assert decoded == [brief]
    assert verifier.verify(brief) == first
    assert decoded == [brief]

    # PyJWT has a clock of its own, by which the token is still valid.
    monkeypatch.setattr(time, "time", lambda: expires_at - 1)
    assert verifier.verify(brief) == first
    monkeypatch.setattr(time, "time", lambda: expires_at)
    assert verifier.verify(brief)["sub"] == "user-1"
    assert decoded == [brief, brief], "an expired token is verified anew"


@pytest.mark.parametrize("keys", [b'{"keys": []}', json.dumps({"keys": [rsa_jwk("rsa-1", "thief")]}).encode()])
def test_remembered_token_is_refused_when_its_key_is_withdrawn_or_replaced(issuer: Issuer, keys: bytes) -> None:
    verifier, mine = issuer.verifier(), token()
    verifier.verify(mine)
    issuer.keys = keys
    issuer.time += KEYS_FRESH_SECONDS + 1
    with pytest.raises(UnauthenticatedError):
        verifier.verify(mine)


def test_refused_tokens_are_not_remembered_and_memory_is_bounded(issuer: Issuer, decoded: list[str]) -> None:
    verifier = issuer.verifier()
    tokens = [
        token(sub=f"user-{number}", key=ec_key(), algorithm="ES256", headers={"kid": "ec-1"})
        for number in range(SEEN + 10)
    ]
    for valid in tokens:
        verifier.verify(valid)
    for forged in FORGED.values():
        for _ in range(2):
            with pytest.raises(UnauthenticatedError):
                verifier.verify(forged)

    decoded.clear()
    for known in tokens[-SEEN:]:
        verifier.verify(known)
    assert decoded == []
    # The newest of those that were forgotten takes the place of the oldest that was known.
    verifier.verify(tokens[9])
    verifier.verify(tokens[10])
    assert decoded == [tokens[9], tokens[10]]


def test_withdrawn_key_stops_verifying(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    verifier.verify(token())
    issuer.keys = json.dumps({"keys": [rsa_jwk("rsa-2", "next")]}).encode()
    issuer.time += KEYS_FRESH_SECONDS + 1

    with pytest.raises(UnauthenticatedError):
        verifier.verify(token())


def test_known_keys_survive_an_issuer_outage(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    verifier.verify(token())
    issuer.away = True
    issuer.time += KEYS_FRESH_SECONDS + 1

    for _ in range(3):
        assert verifier.verify(token())["sub"] == "user-1"
    assert issuer.asked == 2


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"<html>", b'{"keys": 5}', b'{"keys": [5]}'])
def test_missing_issuer_keys_are_temporarily_unavailable(issuer: Issuer, answer: bytes) -> None:
    issuer.keys = answer

    with pytest.raises(TemporarilyUnavailableError):
        issuer.verifier().verify(token())


def test_keys_for_other_uses_are_not_used(issuer: Issuer) -> None:
    secret = {"kty": "oct", "kid": "oct-1", "k": base64.urlsafe_b64encode(b"secret").decode()}
    issuer.keys = json.dumps({"keys": [rsa_jwk("rsa-1", use="enc"), secret, {"kty": "RSA", "kid": "broken"}]}).encode()

    for forged in (token(), hmac_token(b"secret", kid="oct-1"), token(headers={"kid": "broken"})):
        with pytest.raises(UnauthenticatedError):
            issuer.verifier().verify(forged)


@pytest.mark.parametrize("url", ["http://issuer.example.test/keys", "file:///etc/passwd", "ftp://127.0.0.1/keys"])
def test_keys_are_fetched_only_over_https(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        fetch(url)


def who(event: dict[str, Any], monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> tuple[int, list[Caller]]:
    seen: list[Caller] = []
    router = api_router()

    @router.get("/me")
    async def me(caller: CallerDep) -> Response:
        seen.append(caller)
        return no_content()

    @router.get("/admin")
    async def admin(caller: AdminDep) -> Response:
        seen.append(caller)
        return no_content()

    monkeypatch.setattr(authentication, "verifier", issuer.verifier)
    return lambda_handler(router)(event, None)["statusCode"], seen


@pytest.mark.usefixtures("environment")
class TestCaller:
    """What a route knows about its caller."""

    def test_claims_of_the_gateway_are_trusted(self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> None:
        status, [caller] = who(http_event("GET", "/me", user=ADMIN), monkeypatch, issuer)

        assert (status, caller) == (204, Caller(ADMIN.id, frozenset({"admin", "trader"})))
        assert issuer.asked == 0

    def test_token_is_verified_without_a_gateway(self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> None:
        true = token(groups=["admin"])
        event = http_event("GET", "/admin", headers={"Authorization": f"Bearer {true}"})

        assert who(event, monkeypatch, issuer) == (204, [Caller("user-1", frozenset({"admin"}))])

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Basic dTpw", "Token x", f"Bearer {FORGED['expired']}"]
    )
    def test_invalid_authorization_header_is_401(
        self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, header: str
    ) -> None:
        event = http_event("GET", "/me", headers={"authorization": header})

        assert who(event, monkeypatch, issuer) == (401, [])

    def test_admin_routes_are_403_for_others(self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> None:
        assert who(http_event("GET", "/admin", user=TRADER), monkeypatch, issuer) == (403, [])

    @pytest.mark.parametrize(
        "change",
        [{"token_use": "id"}, {"sub": ""}, {"sub": None}],
    )
    def test_claims_that_are_no_access_token_are_401(
        self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, change: dict[str, Any]
    ) -> None:
        event = http_event("GET", "/me", user=TRADER)
        event["requestContext"]["authorizer"]["jwt"]["claims"] |= change

        assert who(event, monkeypatch, issuer) == (401, [])

    @pytest.mark.parametrize(
        ("claim", "groups"),
        [
            ("[admin trader]", {"admin", "trader"}),
            ("[admin]", {"admin"}),
            ("admin", {"admin"}),
            ("[]", set()),
            ("", set()),
            ("[superadmin admin-x]", {"superadmin", "admin-x"}),
            ("not admin", {"not admin"}),
            (None, set()),
        ],
    )
    def test_groups_are_read_as_the_gateway_flattens_them(
        self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, claim: str | None, groups: set[str]
    ) -> None:
        event = http_event("GET", "/me", user=TRADER)
        if claim is not None:
            event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = claim

        status, [caller] = who(event, monkeypatch, issuer)

        assert status == 204
        assert caller == Caller(TRADER.id, frozenset(groups))
        assert caller.is_admin == ("admin" in groups)

    @pytest.mark.parametrize("claim", ["cognito:groups", "https://example.test/roles"])
    @pytest.mark.parametrize("gateway", [True, False])
    @pytest.mark.parametrize(
        ("listed", "groups"),
        [
            (["not admin"], {"not admin"}),
            (["not", "admin"], {"not", "admin"}),
            (["admin trader", "x"], {"admin trader", "x"}),
            (["admin]", "[admin"], {"admin]", "[admin"}),
            ("[admin]", {"[admin]"}),
            ("not admin", {"not admin"}),
            ([], set()),
        ],
    )
    def test_group_names_are_exact(
        self,
        environment: pytest.MonkeyPatch,
        issuer: Issuer,
        listed: list[str] | str,
        groups: set[str],
        gateway: bool,
        claim: str,
    ) -> None:
        environment.setenv("JWT_GROUPS_CLAIM", claim)
        bootstrap.settings.cache_clear()
        held = token(more={claim: listed})
        event = http_event("GET", "/me", user=TRADER if gateway else None, headers={"Authorization": f"Bearer {held}"})
        if gateway:
            event["requestContext"]["authorizer"]["jwt"]["claims"] = flatten_claims(claims(**{claim: listed}))

        status, [caller] = who(event, environment, issuer)

        assert (status, caller) == (204, Caller("user-1", frozenset(groups)))

    @pytest.mark.parametrize(("groups", "read"), [([], 0), (["admin"], 1)])
    def test_token_with_token_use_is_decoded_only_for_its_groups(
        self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, groups: list[str], read: int
    ) -> None:
        user = User(TRADER.id, tuple(groups))
        event = http_event("GET", "/me", user=user, headers={"Authorization": f"Bearer {token(groups=groups)}"})
        parts, decode = list[str](), base64.urlsafe_b64decode

        def noted(part: str) -> bytes:
            parts.append(part)
            return decode(part)

        monkeypatch.setattr(base64, "urlsafe_b64decode", noted)

        status, [caller] = who(event, monkeypatch, issuer)

        assert (status, caller.groups, len(parts)) == (204, frozenset(groups), read)

    def test_groups_of_another_token_than_the_gateway_verified_are_not_read(
        self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer
    ) -> None:
        other = token(groups=["admin"], key=rsa_key("attacker"))
        event = http_event("GET", "/me", user=TRADER, headers={"Authorization": other})
        event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = "[not admin]"

        status, [caller] = who(event, monkeypatch, issuer)

        assert (status, caller.groups) == (204, frozenset())


NO_USE: dict[str, Any] = {"token_use": None, "client_id": None, "aud": CLIENT_ID}
ID_TOKENS: dict[str, dict[str, Any]] = {
    "without a mark": NO_USE,
    "with a nonce": {**NO_USE, "nonce": "n-0S6", "email": "a@example.test"},
    "with a digest of the access token": {**NO_USE, "at_hash": "x", "scope": "openid"},
    "of Keycloak": {**NO_USE, "typ": "ID", "azp": CLIENT_ID, "scope": "openid"},
    "a refresh token of Keycloak": {**NO_USE, "typ": "Refresh", "scope": "openid"},
    "of Cognito": {"token_use": "id", "aud": CLIENT_ID, "scope": "openid"},
    "with an unknown use": {"token_use": "session", "scope": "openid"},
}
ACCESS_TOKENS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "of Cognito": ({}, {}),
    "by RFC 9068": (NO_USE, {"typ": "at+jwt"}),
    "with a scope": ({**NO_USE, "scope": "openid profile"}, {}),
    "of Entra": ({**NO_USE, "scp": "access"}, {}),
    "of Okta": ({**NO_USE, "scp": ["wallets"], "cid": CLIENT_ID}, {}),
    "of Keycloak": ({**NO_USE, "typ": "Bearer", "azp": CLIENT_ID, "nonce": "x"}, {}),
}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("gateway", [True, False])
class TestKindOfToken:
    """ID tokens prove a login to an application. They do not let it call this API."""

    @pytest.mark.parametrize("changes", ID_TOKENS.values(), ids=ID_TOKENS)
    def test_id_token_is_401(
        self, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, changes: dict[str, Any], gateway: bool
    ) -> None:
        assert who(_bearing(changes, {}, gateway), monkeypatch, issuer) == (401, [])

    @pytest.mark.parametrize(("changes", "header"), ACCESS_TOKENS.values(), ids=ACCESS_TOKENS)
    def test_access_token_is_accepted(
        self,
        monkeypatch: pytest.MonkeyPatch,
        issuer: Issuer,
        changes: dict[str, Any],
        header: dict[str, str],
        gateway: bool,
    ) -> None:
        assert who(_bearing(changes, header, gateway), monkeypatch, issuer) == (204, [Caller("user-1")])


def _bearing(changes: dict[str, Any], header: dict[str, str], gateway: bool) -> dict[str, Any]:
    held = token(headers=header, **changes)
    event = http_event("GET", "/me", user=TRADER if gateway else None, headers={"Authorization": f"Bearer {held}"})
    if gateway:
        event["requestContext"]["authorizer"]["jwt"]["claims"] = flatten_claims(claims(**changes))
    return event


class _Redirects(BaseHTTPRequestHandler):
    """Redirects every request to the address in its query, or serves keys under ``/keys``."""

    def do_GET(self) -> None:
        place, _, target = self.path.partition("?")
        self.send_response(200 if place == "/keys" else 302)
        if place != "/keys":
            self.send_header("Location", target)
        self.end_headers()
        self.wfile.write(key_set() if place == "/keys" else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Redirects)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_redirect_of_the_key_set_leads_to_https_only(redirecting: str) -> None:
    assert fetch(f"{redirecting}/keys") == key_set()
    for target in (f"{redirecting}/keys", "http://issuer.example.test/keys", "ftp://127.0.0.1/keys"):
        with pytest.raises(ValueError, match="https"):
            fetch(f"{redirecting}/?{target}")
