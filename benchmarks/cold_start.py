"""Cold starts: the time until the first answer of `place_order`, compared with a function that only parses JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.accounts import OWNER, new_database
from benchmarks.report import Line, Section
from benchmarks.timing import spoken, starts
from tests.support.lambda_runtime import ROOT, ExecutionEnvironment, make_runtime
from tests.support.lambdas import User, http_event
from tests.support.layer import build
from tests.support.mongo import embedded_server
from tests.support.wallets import ring_of_one_key

ROUNDS = 21
DATABASE = "bench"
SECRET = "moniqo/bench/mongodb"
AWS = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
}
METHOD = (
    "The function runs under the genuine runtime client `awslambdaric`. Its process sees only the function's folder, "
    "the layer built for this machine, and boto3, which the Lambda runtime carries. Time runs from the start of the "
    "process to its first answer. Our side connects to the database, reads once and commits once. In the first line "
    "the function is given the URL of the database. In the second line it first fetches the URL from Secrets Manager "
    "(moto, on loopback). The baseline runs `json.loads` on the body and `json.dumps` on the answer, under the same "
    "client and with the same paths. Both sides start in turn. The ratio is the median over neighbouring pairs."
)


def measure() -> Section:
    """Measure cold starts."""
    with tempfile.TemporaryDirectory() as folder, embedded_server() as url, secrets_manager(url) as secret:
        wallets = asyncio.run(new_database(url, DATABASE, 2 * (ROUNDS + 1)))
        bench = ColdStarts(Path(folder), iter(wallets))
        lines = [
            bench.compare("cold start of place_order", {"MONGODB_URL": url}, limit=8.3, is_bar=True),
            bench.compare("the same, database URL from Secrets Manager", secret, limit=12),
        ]
    return Section("Cold start", METHOD, lines)


class ColdStarts:
    """Starts functions in new processes."""

    def __init__(self, folder: Path, wallets: Iterator[str]) -> None:
        """Work in ``folder``. Every start gets a wallet of its own."""
        # Another build of the layer must not change it meanwhile.
        self._layer = folder / "layer"
        shutil.copytree(build("host"), self._layer)
        (folder / "runtime").mkdir()
        self._runtime = make_runtime(folder / "runtime")
        self._log = folder / "log"
        self._wallets = wallets

    def compare(self, name: str, settings: Mapping[str, str], limit: float, *, is_bar: bool = False) -> Line:
        """Start ours and the baseline in turn."""
        found = starts(
            lambda: self._first_answer("place_order", ROOT / "functions", settings),
            lambda: self._first_answer("bare_json", Path(__file__).parent, {}),
            rounds=ROUNDS,
        )
        detail = f"{spoken(found.ours)}, baseline {spoken(found.baseline)}, {ROUNDS} starts each"
        return Line(name, found.ratio, limit, detail=detail, is_bar=is_bar)

    def _first_answer(self, function: str, functions: Path, settings: Mapping[str, str]) -> float:
        event = order_event(next(self._wallets) if settings else "none")
        variables = {**AWS, "MONGODB_DATABASE": DATABASE, **settings}
        started = time.perf_counter()
        with ExecutionEnvironment(function, [self._layer], self._runtime, variables, self._log, functions) as process:
            outcome = process.invoke(event)
            seconds = time.perf_counter() - started
            if outcome.kind != "response" or outcome.body["statusCode"] != 201:
                raise RuntimeError(f"{function}: {outcome}\n{process.log()}")
        return seconds


def order_event(wallet: str) -> dict[str, Any]:
    """Return the event of a market order of this wallet."""
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
    return http_event("POST", f"/wallets/{wallet}/orders", user=User(OWNER), body=body)


@contextmanager
def secrets_manager(mongodb_url: str) -> Iterator[dict[str, str]]:
    """Serve a secret with the database's URL. Yield the settings that make a function fetch it."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "secretsmanager",
            "eu-central-1",
            endpoint_url=endpoint,
            aws_access_key_id="bench",
            aws_secret_access_key="bench",
        )
        client.create_secret(Name=SECRET, SecretString=json.dumps({"url": mongodb_url}))
        keys = client.create_secret(Name="moniqo/bench/keys", SecretString=ring_of_one_key())["ARN"]
        yield {"MONGODB_SECRET_ID": SECRET, "KEY_SECRET_ID": keys, "AWS_ENDPOINT_URL": endpoint}
    finally:
        server.stop()
