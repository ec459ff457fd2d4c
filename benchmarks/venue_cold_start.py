"""Cold starts at a venue: the balance of a live wallet, compared with an order of a demo wallet."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accounts import OWNER, create_wallet, prepare
from benchmarks.cold_start import AWS, DATABASE, order_event, secrets_manager
from benchmarks.report import Line, Section
from benchmarks.timing import spoken, starts
from moniqo_core.storage.client import connect
from tests.support.lambda_runtime import ROOT, ExecutionEnvironment, make_runtime
from tests.support.lambdas import User, http_event
from tests.support.layer import build
from tests.support.mongo import embedded_server
from tests.support.venues.binance import FakeBinance
from tests.support.venues.kraken import FakeKraken

ROUNDS = 15
VENUES = ("binance-spot-v1", "kraken-spot-v1")
METHOD = (
    "The method is the same as for the other cold starts. `get_balance` runs with both layers, on a wallet at a fake "
    "Binance on loopback. It reads the wallet and its definition, fetches the key ring from Secrets Manager (moto) "
    "and decrypts the credentials. It imports CCXT's Binance and asks it for the balance and all prices. The markets "
    "come from the database. Binance lists no dollar. So CCXT's Kraken, the other exchange in the template's "
    "`PriceVenues`, is imported too and asked for the prices of USDT and USDC. The baseline is `place_order` of a "
    "demo wallet with its one layer. Neither side uses TLS. The last line is the size of the layer."
)


def measure() -> Section:
    """Measure cold starts of a venue function."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_server() as url,
        secrets_manager(url) as secret,
        FakeBinance() as venue,
        FakeKraken() as beside,
    ):
        variables = {"MONGODB_URL": url, "LOOPBACK_VENUES": "true", "PRICE_VENUES": ",".join(VENUES)}
        functions = VenueColdStarts(Path(folder), {**variables, **secret})
        demo = iter(asyncio.run(_prepare(url, (venue.url, beside.url), ROUNDS + 1)))
        live = functions.connect(venue.credentials(balances={"USDT": "1000", "BTC": "1"}))
        balance = http_event("GET", f"/wallets/{live}/balance", user=User(OWNER))
        found = starts(
            lambda: functions.seconds("get_balance", balance),
            lambda: functions.seconds("place_order", order_event(next(demo))),
            rounds=ROUNDS,
        )
        detail = f"{spoken(found.ours)}, baseline {spoken(found.baseline)}, {ROUNDS} starts each"
        start = Line("cold start of get_balance at a venue", found.ratio, 1.5, detail=detail, is_bar=True)
        lines = [start, *functions.imports()]
    return Section("Cold start at a venue", METHOD, lines)


class VenueColdStarts:
    """Starts functions in new processes, each with the layers its template names."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Work in ``folder``, with its own copies of the layers, so that another build cannot change them."""
        self._layers = [folder / name for name in ("core", "exchanges")]
        for layer in self._layers:
            shutil.copytree(build("host", layer.name), layer)
        (folder / "runtime").mkdir()
        self._runtime = make_runtime(folder / "runtime")
        self._log = folder / "log"
        self._variables = {**AWS, "MONGODB_DATABASE": DATABASE, **settings}

    def connect(self, credentials: Mapping[str, str]) -> str:
        """Create a live wallet with the real function."""
        limits = {"max_position_size_usd": 1000, "max_total_exposure_usd": 5000, "max_open_positions": 5}
        limits["daily_loss_limit_usd"] = 500
        body = {"wallet_id": "binance-spot-v1", "custom_name": "bench", "risk_limits": limits}
        event = http_event("POST", "/wallets", user=User(OWNER), body={**body, "credentials": dict(credentials)})
        return str(json.loads(self._answer("create_wallet", event)["body"])["id"])

    def seconds(self, function: str, event: Mapping[str, Any]) -> float:
        """Return the seconds until the first answer of a new process."""
        started = time.perf_counter()
        self._answer(function, event)
        return time.perf_counter() - started

    def _answer(self, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        layers = self._layers[:1] if function == "place_order" else self._layers
        with ExecutionEnvironment(
            function, layers, self._runtime, self._variables, self._log, ROOT / "functions"
        ) as process:
            outcome = process.invoke(dict(event))
            if outcome.kind != "response" or outcome.body["statusCode"] not in {200, 201}:
                raise RuntimeError(f"{function}: {outcome}\n{process.log()}")
            answer: Mapping[str, Any] = outcome.body
            return answer

    def imports(self) -> list[Line]:
        """The import of one exchange, and the size of what it comes from."""
        size = sum(path.stat().st_size for path in self._layers[1].rglob("*") if path.is_file()) / 1e6
        return [Line("exchanges' layer unzipped, host", round(size, 1), 20, "MB")]


async def _prepare(url: str, venues: Sequence[str], count: int) -> list[str]:
    database = connect(url, DATABASE)
    await prepare(database)
    for slug, venue in zip(VENUES, venues, strict=True):
        config = {"base_url": venue, "rate_limits": {}, "requires_api_key": True, "requires_signature": True}
        await database["wallets"].update_one({"slug": slug}, {"$set": {"api_config": config}})
    wallets = [await create_wallet(database) for _ in range(count)]
    await database.client.close()
    return wallets
