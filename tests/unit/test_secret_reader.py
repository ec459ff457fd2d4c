"""Reading a secret: signed as botocore signs, with the same result as boto3."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.secret_reader import SecretRefusedError, read_secret, signed_headers

KEYS = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
}
AT = datetime(2026, 2, 1, 12, 0, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("token", ["", "a-session-token"])
def test_requests_have_the_same_signature_as_botocore(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: AT.replace(tzinfo=None))
    body = json.dumps({"SecretId": "moniqo/dev/mongodb"}).encode()
    ours = signed_headers(body, "secretsmanager.eu-central-1.amazonaws.com", KEYS | {"AWS_SESSION_TOKEN": token}, AT)
    theirs = AWSRequest(
        "POST",
        "https://secretsmanager.eu-central-1.amazonaws.com/",
        headers={"content-type": ours["content-type"], "x-amz-target": ours["x-amz-target"]},
        data=body,
    )
    credentials = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], token or None)
    SigV4Auth(credentials, "secretsmanager", "eu-central-1").add_auth(theirs)
    assert ours["authorization"] == theirs.headers["Authorization"]


def test_secret_has_the_same_text_as_through_boto3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = KEYS | {"AWS_DEFAULT_REGION": KEYS["AWS_REGION"], "AWS_ENDPOINT_URL": endpoint}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    boto3.client("secretsmanager").create_secret(Name="moniqo/mongodb", SecretString="mongodb://här")
    assert read_secret("moniqo/mongodb", environment) == "mongodb://här"
    assert read_secret("moniqo/mongodb", {}) == "mongodb://här"
    for where in (environment, {}):
        with pytest.raises(SecretRefusedError, match=r": ResourceNotFoundException\.$"):
            read_secret("moniqo/another", where)


@pytest.mark.parametrize("itself", [True, False], ids=["signed by us", "through Parameters"])
def test_unanswered_request_is_temporarily_unavailable(itself: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        environment = KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        for name, value in {**environment, "AWS_DEFAULT_REGION": KEYS["AWS_REGION"]}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TemporarilyUnavailableError) as refusal:
            read_secret("moniqo/mongodb", environment if itself else {})
    assert refusal.value.retry_after == 2
