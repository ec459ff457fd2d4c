"""A warm handler call, from an API Gateway event to its answer, with the database answered from memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Literal, NamedTuple
from unittest.mock import patch

from pydantic import BaseModel

from benchmarks.accounts import OWNER, create_wallet, prepare
from benchmarks.recorded_database import RecordedDatabase, served_by
from benchmarks.report import Line, Section
from benchmarks.timing import Comparison, interleaved, paired, spoken
from moniqo_core import event_loop
from moniqo_core.domain import clock
from moniqo_core.storage.client import connect
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server

DATABASE: Final = "bench"
PAIRS: Final = 4000
HOT_ROUNDS: Final = 15
HOT_CALLS: Final = 400
PRICE_STEP: Final = timedelta(seconds=15)
METHOD: Final = (
    "Our side is the whole handler: Mangum, FastAPI, authentication by the gateway's claims, validation, use case, "
    "answer and log line. The first call reads its documents from the database. All other calls get the same "
    "documents from memory, and their writes are discarded. So neither the server nor the driver takes part. The "
    "clock stands one price step after the last commit, so every call does the same work. The baseline reads the same "
    "order with `json.loads`, validates it with a pydantic model of its four fields, and answers it with `json.dumps`. "
    "It is a coroutine on the same event loop, started by `run_until_complete` for each event. Single calls of both "
    "sides run in turn. Neither side waits, so the time is that of the processor. In the lines that say hot, each side "
    "runs in a loop of its own. Then all of the baseline stays in the nearest cache, and little of a handler. The busy "
    "account has two positions and ten open orders."
)

Handler = Callable[[Mapping[str, Any], None], Mapping[str, Any]]
Event = Mapping[str, Any]


class BareOrder(BaseModel):
    """The order that the baseline validates."""

    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["market", "limit"]
    amount: Decimal


def bare_handler(event: Event, _context: None) -> Mapping[str, Any]:
    """Only read, validate and answer an order."""
    return event_loop.current().run_until_complete(_bare_answer(event))


async def _bare_answer(event: Event) -> Mapping[str, Any]:
    order = BareOrder.model_validate(json.loads(event["body"]))
    body = json.dumps(order.model_dump(mode="json"))
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": body}


class Limits(NamedTuple):
    """The highest ratio of single calls, and of calls in a loop where those are measured."""

    single: float
    hot: float | None = None


def measure() -> Section:
    """Measure warm calls."""
    os.environ.update(MONGODB_URL="mongodb://unused", MONGODB_DATABASE=DATABASE)
    with embedded_server() as url:
        real = connect(url, DATABASE)
        event_loop.run(prepare(real))
        quiet, busy = (event_loop.run(create_wallet(real)) for _ in range(2))
        with served_by(real), _silence():
            _trade(busy)
        place = _order_event(quiet, side="buy", type="market", amount="0.01")
        get = http_event("GET", f"/wallets/{quiet}", user=User(OWNER))
        place_busy = _order_event(busy, side="buy", type="market", amount="0.01")
        with _clock_at(datetime.now(UTC) + PRICE_STEP):
            lines = [
                *_compare("place_order", place, place, real, Limits(10.5, 18)),
                *_compare("place_order", place_busy, place, real, Limits(15), " on a busy account"),
                *_compare("get_wallet", get, place, real, Limits(4.5, 7)),
            ]
        event_loop.run(real.client.close())
    return Section("Warm call", METHOD, lines)


def _compare(
    function: str, event: Event, bare_event: Event, real: Any, limits: Limits, where: str = ""
) -> Iterator[Line]:
    handler: Handler = load_function(function).handler

    def ours() -> object:
        return handler(event, None)

    def bare() -> object:
        return bare_handler(bare_event, None)

    with served_by(RecordedDatabase(real)), _silence():
        _accepted(function, event)
        single = paired(ours, bare, calls=PAIRS, clock=time.thread_time)
        hot = None
        if limits.hot is not None:
            calls = {"ours_calls": HOT_CALLS, "baseline_calls": HOT_CALLS}
            hot = interleaved(ours, bare, rounds=HOT_ROUNDS, **calls, clock=time.thread_time)
    yield _line(f"warm {function}{where}", single, limits.single)
    if hot is not None:
        yield _line(f"warm {function}{where}, hot", hot, limits.hot)


def _line(name: str, found: Comparison, limit: float | None) -> Line:
    detail = f"{spoken(found.ours)}, baseline {spoken(found.baseline)}"
    return Line(name, found.ratio, limit, detail=detail, is_bar=True)


def _trade(wallet: str) -> None:
    """Buy two assets, and leave ten orders open that no price step reaches."""
    for symbol, amount in (("BTC/USDT", Decimal("0.1")), ("ETH/USDT", Decimal(2))):
        bought = _accepted("place_order", _order_event(wallet, symbol, side="buy", type="market", amount=str(amount)))
        price = Decimal(json.loads(bought["body"])["average_fill_price"])
        for share in ("0.5", "0.6", "0.7"):
            _accepted(
                "place_order", _resting(wallet, symbol, "buy", "limit", amount / 10, price=price * Decimal(share))
            )
        for kind, share in (("stop_loss", "0.5"), ("take_profit", "1.5")):
            stop_price = price * Decimal(share)
            _accepted("place_order", _resting(wallet, symbol, "sell", kind, amount / 4, stop_price=stop_price))


def _resting(wallet: str, symbol: str, side: str, kind: str, amount: Decimal, **prices: Decimal) -> Event:
    whole = {name: str(round(price)) for name, price in prices.items()}
    return _order_event(wallet, symbol, side=side, type=kind, amount=str(amount), **whole)


def _order_event(wallet: str, symbol: str = "BTC/USDT", **fields: str) -> Event:
    return http_event("POST", f"/wallets/{wallet}/orders", user=User(OWNER), body={"symbol": symbol, **fields})


def _accepted(function: str, event: Event) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = load_function(function).handler(event, None)
    if answer["statusCode"] not in {200, 201}:
        raise RuntimeError(f"{function}: {answer}")
    return answer


@contextmanager
def _silence() -> Iterator[None]:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


@contextmanager
def _clock_at(moment: datetime) -> Iterator[None]:
    """Stop the clock of the service."""
    with patch.object(clock, "datetime", SimpleNamespace(now=lambda _zone: moment)):
        yield
