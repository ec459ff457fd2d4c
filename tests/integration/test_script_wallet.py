"""The demo wallet in a script: a plain asynchronous PyMongo database and no preparation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pymongo import MongoClient

from moniqo_core.domain.money import plain

SCRIPT = """
import asyncio, json, sys
from decimal import Decimal
from pymongo import AsyncMongoClient
from moniqo_core.domain.money import plain
from moniqo_core.wallets.base import OrderSide, OrderType
from moniqo_core.wallets.demo import DemoWallet

async def main(url, name):
    async with AsyncMongoClient(url) as client:
        settings = {"credentials": {"initial_balance_usd": "10000"}, "config": {"db": client[name]}}
        async with DemoWallet(wallet_id="demo", user_wallet_id="mine", **settings) as wallet:
            bought = await wallet.place_order(
                "BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal("0.01"), client_order_id="first")
            balances = {held.asset: plain(held.free) for held in await wallet.get_balance()}
    print(json.dumps([bought.order_id, plain(bought.filled_quote), plain(bought.fee), balances, sorted(sys.modules)]))

asyncio.run(main(*sys.argv[1:]))
"""
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "start" / "script-wallet.md").read_text(encoding="utf-8")
SERVICE_ONLY = {"boto3", "botocore", "fastapi", "starlette", "mangum", "pydantic", "aws_lambda_powertools", "jwt"}


@pytest.fixture
def unprepared(mongo_url: str) -> Iterator[str]:
    """The name of an unprepared database: no index, no seed, no definition."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(name)


def started(mongo_url: str, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, mongo_url, name],
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(script: subprocess.Popen[str]) -> tuple[str, str, str, dict[str, str], list[str]]:
    printed, complaints = script.communicate(timeout=30)
    assert (script.returncode, complaints) == (0, "")
    result: tuple[str, str, str, dict[str, str], list[str]] = tuple(json.loads(printed))
    return result


def test_script_trades_and_reopens_its_wallet(mongo_url: str, unprepared: str) -> None:
    order_id, quote, fee, balances, modules = output(started(mongo_url, unprepared))
    assert balances == {"BTC": "0.01", "USDT": plain(Decimal(10000) - Decimal(quote) - Decimal(fee))}
    assert {name.partition(".")[0] for name in modules} & SERVICE_ONLY == set()
    # The second run repeats the order under its client_order_id: the same wallet, the same order, the same money.
    assert output(started(mongo_url, unprepared))[:4] == (order_id, quote, fee, balances)


def test_concurrent_scripts_share_one_wallet_and_one_order(mongo_url: str, unprepared: str) -> None:
    scripts = [started(mongo_url, unprepared) for _ in range(4)]
    results = [output(script) for script in scripts]
    assert len({result[:3] for result in results}) == 1
    assert all(result[3] == results[0][3] for result in results)


def documented(mongo_url: str, name: str, *more: str) -> str:
    """The example of the page, with ``more`` lines in its block, on a database of the test."""
    match = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert match
    written, number = re.subn(r"mongodb://[^\"]+", mongo_url, match[1])
    assert number == 1
    script = written.replace('client["paper"]', f'client["{name}"]').replace(
        "\n\n\nasyncio", f"\n{''.join(more)}\nasyncio"
    )
    assert script != written
    return script


def printed(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], env={}, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_documented_script_runs_as_written(mongo_url: str, unprepared: str) -> None:
    order, bitcoin, dollars = printed(documented(mongo_url, unprepared))
    status, quote, fee = order.split()
    assert status == "filled"
    assert bitcoin.startswith("BTC 0.01 0")
    assert Decimal(dollars.split()[1]) == Decimal(10000) - Decimal(quote) - Decimal(fee)


def test_documented_lines_show_price_positions_and_wallet(mongo_url: str, unprepared: str) -> None:
    _, *others = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    lines, shown = others
    _, _, _, price, position, wallet = printed(documented(mongo_url, unprepared, lines))
    bid, ask, mid, spread = map(Decimal, price.split())
    assert (mid, spread) == ((bid + ask) / 2, ask - bid)
    symbol, amount, cost, profit = position.split()
    assert (symbol, amount) == ("BTC/USDT", "0.01")
    assert Decimal(profit) == pytest.approx((mid - Decimal(cost)) * Decimal(amount), abs=Decimal("0.01"))
    assert wallet == shown.strip()
