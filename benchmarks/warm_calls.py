"""A warm handler call, from an API Gateway event to its answer, with the database answered from memory."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import redirect_stdout
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from unittest.mock import patch

from pydantic import BaseModel

from benchmarks.accounts import OWNER, create_wallet, prepare
from benchmarks.report import Line, Section
from benchmarks.timing import paired, spoken
from moniqo_core import bootstrap, event_loop
from moniqo_core.storage.client import connect
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server

DATABASE = "bench"
METHOD = (
    "Our side is the whole handler: Mangum, FastAPI, authentication by the gateway's claims, validation, use case, "
    "answer and log line. The first call reads its documents from the database. All other calls get the same "
    "documents from memory, and their writes are discarded. So neither the server nor the driver takes part. The "
    "baseline reads the same order with `json.loads`, validates it with a pydantic model of its four fields, and "
    "answers it with `json.dumps`. It is a coroutine on the same event loop, started by `run_until_complete` for each "
    "event. Single calls of both sides run in turn."
)

Handler = Callable[[Mapping[str, Any], None], Mapping[str, Any]]


class BareOrder(BaseModel):
    """The order that the baseline validates."""

    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["market", "limit"]
    amount: Decimal


def bare_handler(event: Mapping[str, Any], _context: None) -> Mapping[str, Any]:
    """Only read, validate and answer an order."""
    return event_loop.current().run_until_complete(_bare_answer(event))


async def _bare_answer(event: Mapping[str, Any]) -> Mapping[str, Any]:
    order = BareOrder.model_validate(json.loads(event["body"]))
    body = json.dumps(order.model_dump(mode="json"))
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": body}


class Recorded:
    """A collection that asks the real one once for each method, and then repeats that answer."""

    def __init__(self, collection: Any) -> None:
        """Stand in for ``collection``."""
        self._collection = collection
        self._kept: dict[str, list[dict[str, Any]]] = {}

    async def aggregate(self, *arguments: Any) -> AsyncIterator[dict[str, Any]]:
        """Answer rows."""
        if "aggregate" not in self._kept:
            self._kept["aggregate"] = await (await self._collection.aggregate(*arguments)).to_list()
        return _rows(self._kept["aggregate"])

    async def find_one(self, *arguments: Any) -> dict[str, Any]:
        """Answer one document."""
        if "find_one" not in self._kept:
            self._kept["find_one"] = [await self._collection.find_one(*arguments)]
        return dict(self._kept["find_one"][0])

    async def update_one(self, *_: Any, **__: Any) -> None:
        """Take a write."""


async def _rows(kept: Sequence[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for document in kept:
        yield dict(document)


class RecordedDatabase:
    """A database of :class:`Recorded` collections, whose bulk writes do nothing."""

    def __init__(self, database: Any) -> None:
        """Stand in for ``database``."""
        self._database = database
        self._collections: dict[str, Recorded] = {}
        self.name = database.name
        self.codec_options = database.codec_options
        self.client = SimpleNamespace(bulk_write=_forget)

    def __getitem__(self, name: str) -> Recorded:
        """Return the collection."""
        return self._collections.setdefault(name, Recorded(self._database[name]))


async def _forget(*_: Any, **__: Any) -> None:
    """Take a write."""


def measure() -> Section:
    """Measure warm calls."""
    os.environ.update(MONGODB_URL="mongodb://unused", MONGODB_DATABASE=DATABASE)
    with embedded_server() as url:
        real = connect(url, DATABASE)
        wallet = event_loop.run(_prepare(real))
        order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01"}
        place = http_event("POST", f"/wallets/{wallet}/orders", user=User(OWNER), body=order)
        get = http_event("GET", f"/wallets/{wallet}", user=User(OWNER))
        recorded = RecordedDatabase(real)
        with patch.object(bootstrap, "database", lambda: recorded):
            lines = [_compare("place_order", place, place, 11), _compare("get_wallet", get, place, 5)]
        event_loop.run(real.client.close())
    return Section("Warm call", METHOD, lines)


def _compare(function: str, event: Mapping[str, Any], bare_event: Mapping[str, Any], limit: float) -> Line:
    handler: Handler = load_function(function).handler
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        answer = handler(event, None)
        if answer["statusCode"] not in {200, 201}:
            raise RuntimeError(f"{function}: {answer}")
        found = paired(lambda: handler(event, None), lambda: bare_handler(bare_event, None), calls=4000)
    return Line(f"warm {function}", found.ratio, limit, "x", f"{spoken(found.ours)}, baseline {spoken(found.baseline)}")


async def _prepare(database: Any) -> str:
    await prepare(database)
    return await create_wallet(database)
