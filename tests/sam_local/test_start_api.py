"""The service behind `sam local start-api`, which checks no tokens: the functions do."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.readme import check_journey, follow_journey
from tests.support.sam_local.aws import Services
from tests.support.sam_local.sam import SamApi

WALLETS = "/api/v1/wallets"
JOURNEY_SECONDS = 240


def test_readme_journey_works_as_typed(api: SamApi, journey_folder: Path) -> None:
    check_journey(follow_journey(api.port, journey_folder, JOURNEY_SECONDS))


@pytest.fixture(scope="module")
def token(api: SamApi, services: Services) -> str:
    reply = api.call("POST", "/api/v1/auth/login", {name: services.users[0][name] for name in ("email", "password")})
    assert reply.status == 200, reply.body
    return str(reply.json["access_token"])


def test_valid_token_is_accepted(api: SamApi, token: str) -> None:
    reply = api.call("GET", WALLETS, token=token)
    assert reply.status == 200, reply.body


def test_missing_token_is_refused(api: SamApi) -> None:
    reply = api.call("GET", WALLETS)
    assert (reply.status, reply.json["code"]) == (401, "UNAUTHENTICATED")


def test_forged_token_is_refused(api: SamApi, token: str) -> None:
    """The claims and the key id are those of a valid token, but the key is another."""
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(claims, stranger, algorithm="RS256", headers=headers)
    reply = api.call("GET", WALLETS, token=forged)
    assert (reply.status, reply.json["code"]) == (401, "UNAUTHENTICATED")
