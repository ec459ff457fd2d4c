"""Reads one secret with one signed request.

Powertools Parameters would do the same, but importing it with boto3 and making a client adds 200 ms to every cold
start. It is still used in three cases: the credentials are not in the environment (SnapStart, a developer's profile),
the region is in another AWS partition, or the secret is not needed at start. See :func:`secrets_provider`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from moniqo_core.domain.errors import TemporarilyUnavailableError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider

ATTEMPTS: Final = 3
TIMEOUT_SECONDS: Final = 2
BUDGET_SECONDS: Final = 8
OTHER_PARTITIONS: Final = ("cn-", "us-iso", "eu-iso")

_CURRENT: Final = "AWSCURRENT"
_OPERATION: Final = "secretsmanager.GetSecretValue"
_SIGNED: Final = ("content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target")


class SecretRefusedError(TemporarilyUnavailableError):
    """The secret does not exist, or may not be read. ``reason`` is the error code of Secrets Manager."""

    def __init__(self, reason: str) -> None:
        """Set the reason."""
        super().__init__(f"The secret store refused the request: {reason}.", retry_after=30)
        self.reason = reason


def read_secret(secret_id: str, environment: Mapping[str, str]) -> str:
    """Return the current text of a secret.

    ``environment`` holds the credentials, region and endpoint, in the variables that boto3 reads.

    Raises:
        SecretRefusedError: the secret does not exist, or may not be read.
        TemporarilyUnavailableError: Secrets Manager did not answer.

    """
    region = environment.get("AWS_REGION", "")
    if not region or region.startswith(OTHER_PARTITIONS) or not environment.get("AWS_ACCESS_KEY_ID"):
        return _through_parameters(secret_id)
    given = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environment.get("AWS_ENDPOINT_URL")
    endpoint = given or f"https://secretsmanager.{region}.amazonaws.com"
    body = json.dumps({"SecretId": secret_id, "VersionStage": _CURRENT}).encode()
    until = time.monotonic() + BUDGET_SECONDS
    for _ in range(ATTEMPTS):
        if time.monotonic() > until:
            break
        headers = signed_headers(body, urlsplit(endpoint).netloc, environment, datetime.now(UTC))
        try:
            status, answer = _post(endpoint, body, headers)
            if status == 200:  # noqa: PLR2004
                return str(json.loads(answer)["SecretString"])
            if status < 500:  # noqa: PLR2004
                raise SecretRefusedError(str(json.loads(answer).get("__type", status)).rpartition("#")[2])
        except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError):
            continue  # there was no answer, or it is not from Secrets Manager
    raise _silence()


def secrets_provider() -> SecretsProvider:
    """Return a provider that gives up after about ten seconds, so that its caller can still answer in time."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider
    from botocore.config import Config

    patience = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
    return SecretsProvider(boto_config=patience)


def refusal(error: GetParameterError) -> str | None:
    """Return the error code of Secrets Manager's answer, or None if there was no answer."""
    from botocore.exceptions import ClientError

    cause = error.__context__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else None


def _through_parameters(secret_id: str) -> str:
    from aws_lambda_powertools.utilities.parameters import GetParameterError

    try:
        return str(secrets_provider().get(secret_id, VersionStage=_CURRENT))
    except GetParameterError as error:
        code = refusal(error)
        raise (SecretRefusedError(code) if code else _silence()) from None


def _silence() -> TemporarilyUnavailableError:
    return TemporarilyUnavailableError("The secret store did not answer.", retry_after=2)


def _post(endpoint: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    where = urlsplit(endpoint)
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/", body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed_headers(body: bytes, host: str, environment: Mapping[str, str], at: datetime) -> dict[str, str]:
    """Return the headers of a call at the time ``at``, signed with AWS Signature Version 4.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": stamp,
        "x-amz-security-token": environment.get("AWS_SESSION_TOKEN", ""),
        "x-amz-target": _OPERATION,
    }
    headers = {name: value for name, value in headers.items() if value}
    names = ";".join(name for name in _SIGNED if name in headers)
    lines = "".join(f"{name}:{headers[name]}\n" for name in _SIGNED if name in headers)
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{environment['AWS_REGION']}/secretsmanager/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{environment['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{environment['AWS_ACCESS_KEY_ID']}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}
