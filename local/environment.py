"""The environment of the worker processes: the template's variables, without the developer's AWS account."""

from __future__ import annotations

import os
import secrets
import shlex
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from local import names
from local.authorizer import key_set_url
from local.declarations import Function

_KEPT: Final = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV",
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


def base(aws_url: str) -> dict[str, str]:
    """Return the environment that every worker process starts with."""
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "PYTHONUNBUFFERED": "1",
        # A developer may try a wallet at a venue on this machine.
        "LOOPBACK_VENUES": "true",
        # The code may be another one than in the run before, so answers get new entity tags, as after a deployment.
        "AWS_LAMBDA_FUNCTION_VERSION": _random(string.digits, 12),
        **loopback(aws_url),
    }


def isolate(aws_url: str) -> None:
    """Make this process and its children forget the developer's AWS account, and reach loopback without a proxy.

    They get a new access key, which the services of this run ask for.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_ACCESS_KEY_ID"] = "AKIA" + _random(string.ascii_uppercase + "234567", 16)
    os.environ["AWS_SECRET_ACCESS_KEY"] = _random(string.ascii_letters + string.digits, 40)
    os.environ.update(loopback(aws_url))


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def loopback(aws_url: str) -> dict[str, str]:
    """Return the variables that direct AWS tools to the services of this run only, after :func:`isolate`."""
    return {
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": names.REGION,
        "AWS_DEFAULT_REGION": names.REGION,
        **{name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def shell(variables: Mapping[str, str]) -> str:
    """Return shell lines that export the environment of the functions."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))


def localise(functions: Mapping[str, Function], mongodb_url: str, aws_url: str) -> dict[str, Function]:
    """Return the functions with variables that point at the local database and the local issuer's keys."""
    return {
        name: replace(function, environment=_local(function, mongodb_url, aws_url))
        for name, function in functions.items()
    }


def union(functions: Mapping[str, Function]) -> dict[str, str]:
    """Return the variables of all functions together, because one worker runs them all and reads its settings once."""
    return {name: value for function in functions.values() for name, value in function.environment.items()}


def _local(function: Function, mongodb_url: str, aws_url: str) -> dict[str, str]:
    variables = {**function.environment, "MONGODB_URL": mongodb_url}
    variables.pop("MONGODB_SECRET_ID", None)
    if variables.get("JWT_ISSUER"):
        variables["JWT_JWKS_URL"] = key_set_url(variables["JWT_ISSUER"], aws_url)
    return variables
