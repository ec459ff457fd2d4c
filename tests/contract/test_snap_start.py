"""For a SnapStart snapshot, functions import beforehand what their first request would import after a restore."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from benchmarks.accounts import OWNER, new_database
from benchmarks.cold_start import secrets_manager
from tests.support.lambda_runtime import make_runtime
from tests.support.lambdas import User, http_event
from tests.support.layer import build
from tests.support.restored_start import credentials_endpoint, first_request

DATABASE: Final = "snap_start"
ORDER: Final = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
REQUESTS: Final = {
    "place_order": ("POST", "/wallets/{}/orders", ORDER, 201),
    "get_balance": ("GET", "/wallets/{}/balance", None, 200),
    "list_positions": ("GET", "/wallets/{}/positions", None, 200),
    "list_orders": ("GET", "/wallets/{}/orders", None, 200),
    "list_wallets": ("GET", "/wallets", None, 200),
}
SLOW: Final = ("boto3", "aws_lambda_powertools", "moniqo_core.services")


@pytest.fixture(scope="module")
def wallet(mongo_url: str) -> str:
    return asyncio.run(new_database(mongo_url, DATABASE, 1))[0]


@pytest.fixture(scope="module")
def variables(mongo_url: str) -> Iterator[dict[str, str]]:
    region = {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
    with secrets_manager(mongo_url) as secret, credentials_endpoint() as credentials:
        yield {**region, **secret, **credentials, "MONGODB_DATABASE": DATABASE}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [build("host") / "python", make_runtime(tmp_path_factory.mktemp("runtime"))]


@pytest.mark.parametrize("function", list(REQUESTS))
def test_first_request_after_a_restore_imports_nothing_slow(
    function: str, wallet: str, variables: dict[str, str], places: list[Path]
) -> None:
    method, path, body, status = REQUESTS[function]
    event = http_event(method, path.format(wallet), user=User(OWNER), body=body)
    found = first_request(function, event, places, variables | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})
    assert found.status == status
    assert found.clients == 0
    assert sorted(found.late) == []


@pytest.mark.parametrize("kind", [{}, {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}], ids=["unset", "on-demand"])
def test_start_without_a_snapshot_imports_only_what_it_needs(
    kind: dict[str, str], wallet: str, variables: dict[str, str], places: list[Path]
) -> None:
    event = http_event("POST", f"/wallets/{wallet}/orders", user=User(OWNER), body=ORDER)
    found = first_request("place_order", event, places, variables | kind)
    assert found.status == 201
    assert found.clients == 0
    assert [name for name in sorted(found.imported) if name.startswith(SLOW)] == []
    assert "moniqo_core.services.orders.service" in found.late
