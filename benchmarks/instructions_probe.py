"""Count the instructions of the `place_order` of the checkout in the working directory, and print them as JSON.

The interpreter of that checkout runs it. The measured process sees what Lambda gives to the function: its folder, the
checkout's own layer as `make build` trims it, and the packages of Lambda's runtime. The environment of the tests has
more, for example an old version of pydantic that FastAPI imports where it finds it.

The probe must work in older checkouts too. So it finds the package by its type marker, and it builds the layer and
prepares the database with the checkout's own code.
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
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

# The measured process imports only the function, so its events come from a file.
PROGRAM = """
import json, sys
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
SETTINGS = {
    "PYTHONHASHSEED": "0",  # a fixed seed for the order of sets
    "PYTHONDONTWRITEBYTECODE": "1",  # as in Lambda, which cannot write to its layers
    "MONGODB_DATABASE": "instructions",
}


@dataclass(frozen=True)
class Start:
    """The database, the packages and the events that a start of the function gets."""

    url: str
    import_path: str
    events: Path


def main() -> None:
    """Count a cold start with its first order, and a warm order."""
    from tests.support.mongo import embedded_server

    with embedded_server() as url, tempfile.TemporaryDirectory() as folder:
        start = Start(url, import_path(Path(folder)), Path(folder) / "events.json")
        wallets = asyncio.run(_wallets(url, 3))
        counted = []
        for wallet, calls in zip(wallets, (1, WARMED_UP, WARMED_UP + WARM_CALLS), strict=True):
            _write(start.events, wallet, calls)
            counted.append(_count(start))
    print(json.dumps({"cold start": counted[0], "warm call": (counted[2] - counted[1]) / WARM_CALLS}))


def import_path(folder: Path) -> str:
    """Return what the function may import from: its folder, the layer and Lambda's runtime, linked in ``folder``."""
    from tests.support.lambda_runtime import make_runtime
    from tests.support.layer import build

    runtime = folder / "runtime"
    runtime.mkdir()
    places = (Path("functions/place_order").resolve(), build("host") / "python", make_runtime(runtime))
    return os.pathsep.join(map(str, places))


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


def _count(start: Start) -> int:
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    # -S leaves out the site-packages of the interpreter, and with them the environment of the tests.
    command = [*valgrind, sys.executable, "-S", "-P", "-c", PROGRAM, str(start.events)]
    variables = {**SETTINGS, "PATH": os.environ["PATH"], "PYTHONPATH": start.import_path, "MONGODB_URL": start.url}
    done = subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL, stderr=PIPE, text=True)
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if found is None:
        message = "valgrind printed no count"
        raise RuntimeError(message)
    return int(found[1].replace(",", ""))


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
