"""Logging in against a Cognito user pool, through the real handlers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from moniqo_core import bootstrap
from moniqo_core.services import login as login_service
from tests.conftest import Database, Run
from tests.support.lambdas import Answer, Invoke, call, http_event
from tests.support.wallets import mock_aws

EMAIL = "trader@example.com"
PASSWORD = "Correct-Horse-7-Battery"


@dataclass
class Pool:
    """A user pool and its client."""

    cognito: Any
    pool_id: str
    client_id: str

    def add(self, email: str, password: str, *, permanent: bool) -> None:
        self.cognito.admin_create_user(UserPoolId=self.pool_id, Username=email, TemporaryPassword=password)
        if permanent:
            self.cognito.admin_set_user_password(
                UserPoolId=self.pool_id, Username=email, Password=password, Permanent=True
            )


@pytest.fixture
def pool(environment: pytest.MonkeyPatch, database: Database) -> Iterator[Pool]:
    with mock_aws():
        cognito = boto3.client("cognito-idp")
        pool_id = cognito.create_user_pool(PoolName="users")["UserPool"]["Id"]
        client = cognito.create_user_pool_client(UserPoolId=pool_id, ClientName="web")
        client_id = client["UserPoolClient"]["ClientId"]
        environment.setenv("USER_POOL_ID", pool_id)
        environment.setenv("JWT_CLIENT_ID", client_id)
        bootstrap.settings.cache_clear()
        made = Pool(cognito, pool_id, client_id)
        made.add(EMAIL, PASSWORD, permanent=True)
        yield made


def log_in_from(address: str, email: str, password: str) -> Answer:
    event = http_event("POST", "/auth/login", body={"email": email, "password": password})
    event["requestContext"]["http"]["sourceIp"] = address
    return call("login", event)


def log_in(invoke: Invoke, email: str = EMAIL, password: str = PASSWORD) -> Answer:
    return invoke("login", "POST", "/auth/login", body={"email": email, "password": password})


def test_valid_login_returns_tokens_that_can_be_refreshed(invoke: Invoke, pool: Pool) -> None:
    answer = log_in(invoke)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] > 0

    refreshed = invoke("refresh_token", "POST", "/auth/refresh", body={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status == 200
    assert refreshed.json["refresh_token"] == tokens["refresh_token"]
    assert refreshed.json["access_token"]


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong-password"), ("nobody@example.com", PASSWORD)])
def test_invalid_login_is_401_without_saying_which_part_is_wrong(
    invoke: Invoke, pool: Pool, email: str, password: str
) -> None:
    answer = log_in(invoke, email, password)

    assert (answer.status, answer.json["code"]) == (401, "UNAUTHENTICATED")
    assert answer.json["detail"] == "E-mail and password do not match an account."
    assert password not in answer.text


def test_temporary_password_must_be_changed_first(invoke: Invoke, pool: Pool) -> None:
    pool.add("new@example.com", PASSWORD, permanent=False)

    answer = log_in(invoke, "new@example.com")

    assert (answer.status, answer.json["code"]) == (403, "PASSWORD_CHANGE_REQUIRED")


def test_account_with_a_second_factor_signs_in_on_the_page(invoke: Invoke, pool: Pool) -> None:
    token = log_in(invoke).json["access_token"]
    pool.cognito.associate_software_token(AccessToken=token)
    pool.cognito.verify_software_token(AccessToken=token, UserCode="123456")
    app = {"Enabled": True, "PreferredMfa": True}
    pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=app)

    answer = log_in(invoke)

    assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")
    assert answer.json["hint"] == "Log in on the sign-in page."


class _NewRefreshToken:
    def initiate_auth(self, **arguments: Any) -> dict[str, Any]:
        return {"AuthenticationResult": {"AccessToken": "access", "RefreshToken": "new", "ExpiresIn": 60}}


def test_new_refresh_token_replaces_the_one_that_was_exchanged(
    invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulator never issues one when it refreshes.
    monkeypatch.setattr(boto3, "client", lambda *_, **__: _NewRefreshToken())

    answer = invoke("refresh_token", "POST", "/auth/refresh", body={"refresh_token": "old"})

    assert (answer.status, answer.json["refresh_token"]) == (200, "new")


def test_invalid_refresh_token_is_401(invoke: Invoke, pool: Pool) -> None:
    answer = invoke("refresh_token", "POST", "/auth/refresh", body={"refresh_token": "not-one"})

    assert (answer.status, answer.json["code"]) == (401, "UNAUTHENTICATED")


def test_failed_logins_are_limited_per_account(invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_service, "ATTEMPTS_PER_ACCOUNT", 2)

    assert [log_in(invoke).status for _ in range(4)] == [200] * 4
    assert [log_in(invoke, password="guess").status for _ in range(3)] == [401, 401, 429]
    limited = log_in(invoke)
    assert (limited.status, limited.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 0 < int(limited.headers["retry-after"]) <= 300
    assert log_in(invoke, "another@example.com").status == 401


def test_log_ins_that_succeed_count_for_no_address(invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_service, "ATTEMPTS_PER_ADDRESS", 2)

    assert [log_in(invoke).status for _ in range(4)] == [200] * 4


def test_another_spelling_of_an_e_mail_is_the_same_account(
    invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_service, "ATTEMPTS_PER_ACCOUNT", 2)
    spellings = (EMAIL, EMAIL.upper(), EMAIL.capitalize())

    assert [log_in(invoke, email, "guess").status for email in spellings] == [401, 401, 429]


def test_login_limit_uses_the_gateway_address_and_no_header(
    invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_service, "ATTEMPTS_PER_ADDRESS", 3)

    def guess(number: int, address: str) -> int:
        claimed = f"198.51.100.{number}"
        names = ("x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip")
        body = {"email": f"guess{number}@example.com", "password": "guess"}
        event = http_event("POST", "/auth/login", body=body, headers=dict.fromkeys(names, claimed))
        event["requestContext"]["http"]["sourceIp"] = address
        return call("login", event).status

    assert [guess(number, "203.0.113.7") for number in range(5)] == [401, 401, 401, 429, 429]
    assert guess(9, "203.0.113.8") == 401


def test_stranger_blocks_only_the_own_address_and_adds_no_more_counters(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, database: Database, run: Run
) -> None:
    monkeypatch.setattr(login_service, "ATTEMPTS_PER_ADDRESS", 3)

    def counters() -> int:
        return run(database["rate_counters"].count_documents({}))

    guesses = [log_in_from("203.0.113.7", f"guess{number}@example.com", "guess").status for number in range(4)]
    counted = counters()
    guesses += [log_in_from("203.0.113.7", f"more{number}@example.com", "guess").status for number in range(20)]

    assert guesses == [401] * 3 + [429] * 21
    assert counters() == counted
    assert log_in_from("203.0.113.8", EMAIL, PASSWORD).status == 200
    assert log_in_from("203.0.113.7", EMAIL, PASSWORD).status == 429


def test_failed_refreshes_are_limited_per_address(invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_service, "REFRESHES_PER_ADDRESS", 3)
    token = log_in(invoke).json["refresh_token"]

    def refresh(token: str, address: str) -> int:
        event = http_event("POST", "/auth/refresh", body={"refresh_token": token})
        event["requestContext"]["http"]["sourceIp"] = address
        return call("refresh_token", event).status

    assert [refresh(token, "203.0.113.7") for _ in range(5)] == [200] * 5
    assert [refresh("not-one", "203.0.113.7") for _ in range(5)] == [401, 401, 401, 429, 429]
    assert refresh(token, "203.0.113.8") == 200


def test_passwords_are_checked_with_the_rights_of_the_function_and_for_the_callers_address(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[dict[str, Any]]()
    client = pool.cognito
    client.meta.events.register(
        "provide-client-params.cognito-idp.*", lambda params, model, **_: asked.append({model.name: params})
    )
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)

    assert log_in_from("203.0.113.7", EMAIL, PASSWORD).status == 200
    (login,) = asked
    sent = login["AdminInitiateAuth"]
    assert (sent["AuthFlow"], sent["UserPoolId"]) == ("ADMIN_USER_PASSWORD_AUTH", pool.pool_id)
    assert sent["ContextData"]["IpAddress"] == "203.0.113.7"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": EMAIL},
        {"email": "no-address", "password": "hunter2-canary"},
        {"email": EMAIL, "password": ""},
        {"email": EMAIL, "password": 5},
        {"email": EMAIL, "password": "hunter2-canary", "more": 1},
        {"email": EMAIL, "password": "hunter2-canary" * 100},
    ],
)
def test_invalid_bodies_are_422_and_not_echoed(
    invoke: Invoke, pool: Pool, body: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke("login", "POST", "/auth/login", body=body)

    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    written = capsys.readouterr()
    assert "hunter2" not in answer.text + written.out + written.err


class _Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def admin_initiate_auth(self, **arguments: Any) -> dict[str, Any]:
        raise self.error

    initiate_auth = admin_initiate_auth


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "InitiateAuth"), 429, "RATE_LIMIT_EXCEEDED"),
        (
            ClientError(
                {"Error": {"Code": "NotAuthorizedException", "Message": "Password attempts exceeded"}}, "InitiateAuth"
            ),
            429,
            "RATE_LIMIT_EXCEEDED",
        ),
        (
            ClientError({"Error": {"Code": "PasswordResetRequiredException"}}, "InitiateAuth"),
            403,
            "PASSWORD_CHANGE_REQUIRED",
        ),
        (ClientError({"Error": {"Code": "UserNotConfirmedException"}}, "InitiateAuth"), 401, "UNAUTHENTICATED"),
        (ClientError({"Error": {"Code": "InternalErrorException"}}, "InitiateAuth"), 503, "TEMPORARILY_UNAVAILABLE"),
        (EndpointConnectionError(endpoint_url="x"), 503, "TEMPORARILY_UNAVAILABLE"),
    ],
)
def test_cognito_errors_are_translated(
    invoke: Invoke, pool: Pool, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    # Cognito's throttles and outages cannot be provoked in the emulator.
    monkeypatch.setattr(boto3, "client", lambda *_, **__: _Failing(error))

    answer = log_in(invoke)

    assert (answer.status, answer.json["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status in {429, 503})
