"""Count the database commands of common requests and syncs, and measure the size of the layer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.accounts import OWNER, create_wallet, prepare
from benchmarks.report import Line, Section
from moniqo_core import bootstrap, event_loop
from tests.support.lambdas import User, http_event, load_function
from tests.support.layer import build
from tests.support.mongo import embedded_server
from tests.support.round_trips import round_trips

BATCHES = (1, 10, 25, 100, 250)
METHOD = (
    "The real handlers run warm on the embedded database. The commit of an order also counts it against the user's "
    "limit. An execution environment reads the seed of the simulated market once, which adds one command. A sync makes "
    "three commands, and its `aggregate` reads credentials and paper accounts. The layer is measured as `sam build` "
    "makes it, for the Lambda target and for this machine. It has bytecode if a Python of the target's version is "
    "installed. It does not contain boto3, because the Lambda runtime carries it."
)
MOST_MEGABYTES = {"aarch64": 32, "host": 43}


def measure() -> Section:
    """Count round trips and bytes."""
    with embedded_server() as url:
        os.environ.update(MONGODB_URL=url, MONGODB_DATABASE="bench")
        wallets = event_loop.run(_prepare(max(BATCHES)))
        lines = [*_requests(wallets[0]), *(_sync(wallets[:count]) for count in BATCHES)]
        event_loop.run(bootstrap.database().client.close())
    lines += [Line(f"layer unzipped, {name}", _megabytes(name), bar, "MB") for name, bar in MOST_MEGABYTES.items()]
    return Section("Round trips and size", METHOD, lines)


def _requests(wallet: str) -> Iterable[Line]:
    path = f"/wallets/{wallet}"
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
    user = User(OWNER)
    get, balance = http_event("GET", path, user=user), http_event("GET", f"{path}/balance", user=user)
    place = http_event("POST", f"{path}/orders", user=user, body=order)
    yield _count("get a wallet", "get_wallet", lambda: get, 1)
    yield _count("list wallets", "list_wallets", lambda: http_event("GET", "/wallets", user=user), 1)
    yield _count("place a market order", "place_order", lambda: place, 2)
    yield _count("balance, nothing to evaluate", "get_balance", lambda: balance, 1)


def _sync(wallets: list[str]) -> Line:
    def event() -> Mapping[str, Any]:
        body = {"sync_id": "bench", "scheduled_time": datetime.now(UTC).isoformat(), "user_wallet_ids": wallets}
        return {"Records": [{"messageId": "1", "body": json.dumps(body)}]}

    return _count(f"sync of a batch of {len(wallets)}", "sync_wallets", event, 3)


def _count(name: str, function: str, make_event: Callable[[], Mapping[str, Any]], limit: int) -> Line:
    handler = load_function(function).handler
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        handler(make_event(), None)  # opens the connection
        event = make_event()
        with round_trips() as commands:
            answer = handler(event, None)
    if answer.get("statusCode") not in {200, 201} and answer != {"batchItemFailures": []}:
        raise RuntimeError(f"{function}: {answer}")
    return Line(name, len(commands), limit, "", ", ".join(commands))


def _megabytes(platform: str) -> float:
    folder = build(platform) / "python"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


async def _prepare(count: int) -> list[str]:
    await prepare(bootstrap.database())
    return [await create_wallet(bootstrap.database()) for _ in range(count)]
