"""Wallets for tests: request bodies, and the AWS services that the functions need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from moto import mock_aws as moto_aws
from moto.core.models import MockAWS

from moniqo_core.credentials.key_ring import KeyRing, new_key, write_ring
from tests.support.lambdas import TRADER, Answer, Invoke, User

LIMITS: dict[str, Any] = {
    "max_position_size_usd": 1000,
    "max_total_exposure_usd": 5000,
    "max_open_positions": 5,
    "daily_loss_limit_usd": 500,
    "stop_loss_default_percent": 2.0,
    "take_profit_default_percent": 5.0,
}
DEMO = "demo-wallet-v1"
KEY_SECRET = "moniqo/test/keys"
DESCRIPTIONS: Final = cache(JSONFileLoader().load_file)
"""Reads what botocore knows of a service, or of all endpoints. Clients only read it."""


def mock_aws() -> MockAWS:
    """Let boto3 find AWS in this process, with one session, so that it loads the descriptions of services only once."""
    return moto_aws(config={"core": {"reset_boto3_session": False}})


def ring_of_one_key() -> str:
    """Return the secret of a key ring as the first rotation leaves it. Its key has been in use for long."""
    key = new_key(datetime(2020, 1, 1, tzinfo=UTC))
    return write_ring(KeyRing({key.kid: key}))


@contextmanager
def aws_services(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Emulate an AWS account with Secrets Manager, a key ring of one key, and empty work queues."""
    # These services answer boto3 in this process only. Without this variable, boto3 reads the secrets too.
    patch.delenv("AWS_REGION", raising=False)
    # The functions make sessions of their own, and each would parse 18 MB of descriptions and keep them for a while.
    patch.setattr(JSONFileLoader, "load_file", staticmethod(DESCRIPTIONS))
    with mock_aws():
        _client("secretsmanager").create_secret(Name=KEY_SECRET, SecretString=ring_of_one_key())
        patch.setenv("KEY_SECRET_ID", KEY_SECRET)
        for name in ("sync", "evaluation"):
            queue = _client("sqs").create_queue(QueueName=name)
            patch.setenv(f"{name.upper()}_QUEUE_URL", queue["QueueUrl"])
        yield


@cache
def _client(service: str) -> Any:
    """Return a client for set-ups. Making one takes longer than all the calls of a set-up."""
    return boto3.client(service)


@pytest.fixture
def aws(environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Secrets Manager with a key ring of one key, and empty work queues."""
    with aws_services(environment):
        yield


def new_wallet(**fields: object) -> dict[str, object]:
    """Return the body of a create request."""
    return {
        "wallet_id": DEMO,
        "custom_name": "My First Demo Wallet",
        "credentials": {"initial_balance_usd": "10000"},
        "risk_limits": LIMITS,
    } | fields


def create(
    invoke: Invoke, *, user: User = TRADER, headers: dict[str, str] | None = None, **fields: object
) -> dict[str, Any]:
    """Create a wallet and return it."""
    answer: Answer = invoke("create_wallet", "POST", "/wallets", user=user, body=new_wallet(**fields), headers=headers)
    assert answer.status == 201, answer.text
    wallet: dict[str, Any] = answer.json
    return wallet
