"""Count the instructions of the `place_order` of the checkout in the working directory, and print them as JSON.

The interpreter of that checkout runs it. It must work in older checkouts too, so it finds the package by its type
marker and prepares the database with the checkout's own benchmarks.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# The measured process imports only the function, so its events come from a file.
PROGRAM = """
import json, sys
sys.path.insert(0, "functions/place_order")
events = json.load(open(sys.argv[1]))
import app
for event in events:
    answer = app.handler(event, None)
    if answer["statusCode"] != 201:
        sys.exit(answer["body"])
"""
ORDER = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01"}
WARMED_UP = 20
WARM_CALLS = 200
# A fixed seed for the order of sets. Pydantic would read the metadata of every installed tool to look for plugins.
SETTINGS = {"PYTHONHASHSEED": "0", "PYDANTIC_DISABLE_PLUGINS": "1", "MONGODB_DATABASE": "instructions"}


def main() -> None:
    """Count a cold start with its first order, and a warm order."""
    from tests.support.mongo import embedded_server

    with embedded_server() as url, tempfile.TemporaryDirectory() as folder:
        # The caller's environment may forbid bytecode files. Then each start would compile everything.
        for name in [name for name in os.environ if name.startswith("PYTHON")]:
            del os.environ[name]
        os.environ.update(SETTINGS, MONGODB_URL=url)
        events = Path(folder) / "events.json"
        wallets = asyncio.run(_wallets(url, 4))
        _write(events, wallets[0], 1)
        _run([], events)  # compiles all modules that have no bytecode yet
        counted = []
        for wallet, calls in zip(wallets[1:], (1, WARMED_UP, WARMED_UP + WARM_CALLS), strict=True):
            _write(events, wallet, calls)
            counted.append(_count(events))
    print(json.dumps({"cold start": counted[0], "warm call": (counted[2] - counted[1]) / WARM_CALLS}))


async def _wallets(url: str, count: int) -> list[str]:
    from benchmarks.accounts import create_wallet, prepare

    database: Any = importlib.import_module(f"{_package()}.storage.client").connect(url, SETTINGS["MONGODB_DATABASE"])
    await prepare(database)
    wallets = [await create_wallet(database) for _ in range(count)]
    await database.client.close()
    return wallets


def _package() -> str:
    return next(Path("layers/core").glob("*/py.typed")).parent.name


def _write(events: Path, wallet: str, calls: int) -> None:
    from benchmarks.accounts import OWNER
    from tests.support.lambdas import User, http_event

    orders = [http_event("POST", f"/wallets/{wallet}/orders", user=User(OWNER), body=ORDER) for _ in range(calls)]
    events.write_text(json.dumps(orders), encoding="utf-8")


def _count(events: Path) -> int:
    options = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    found = re.search(r"I +refs: +([\d,]+)", _run(["valgrind", *options], events))
    if found is None:
        message = "valgrind printed no count"
        raise RuntimeError(message)
    return int(found[1].replace(",", ""))


def _run(prefix: list[str], events: Path) -> str:
    command = [*prefix, sys.executable, "-P", "-c", PROGRAM, str(events)]
    return subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
