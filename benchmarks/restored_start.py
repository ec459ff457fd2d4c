"""Starts after a SnapStart restore: the first order in a process that imported its function before."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from benchmarks.accounts import new_database
from benchmarks.cold_start import DATABASE, order_event, secrets_manager
from benchmarks.report import Line, Section
from benchmarks.timing import spoken, starts
from tests.support.lambda_runtime import make_runtime
from tests.support.layer import build
from tests.support.mongo import embedded_server
from tests.support.restored_start import credentials_endpoint, first_request

ROUNDS = 11
REGION = {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
SNAPSHOT = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
METHOD = (
    "A process imports `place_order` from its folder, the layer and the packages of Lambda's runtime. Then the time of "
    "its first order is measured: it gets credentials from the endpoint that Lambda offers after a restore, fetches "
    "the URL of the database from Secrets Manager (moto, on loopback), connects, reads once and commits once. In the "
    "first line the process imported what it would import for a snapshot. The baseline imported what it would import "
    "without one, and the first order imports the rest. The time that Lambda takes to restore the memory is not "
    "measured."
)


def measure() -> Section:
    """Measure first orders with and without the preload."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_server() as url,
        secrets_manager(url) as secret,
        credentials_endpoint() as credentials,
    ):
        layer, runtime = Path(folder) / "layer", Path(folder) / "runtime"
        shutil.copytree(build("host"), layer)  # another build of the layer must not change it meanwhile
        runtime.mkdir()
        places = [layer / "python", make_runtime(runtime)]
        variables = {**REGION, **secret, **credentials, "MONGODB_DATABASE": DATABASE}
        wallets = iter(asyncio.run(new_database(url, DATABASE, 2 * (ROUNDS + 1))))
        found = starts(
            lambda: _seconds(next(wallets), places, variables | SNAPSHOT),
            lambda: _seconds(next(wallets), places, variables),
            rounds=ROUNDS,
        )
    detail = f"{spoken(found.ours)}, without the preload {spoken(found.baseline)}, {ROUNDS} starts each"
    return Section(
        "Start after a restore", METHOD, [Line("first order after a restore", found.ratio, 0.3, "x", detail)]
    )


def _seconds(wallet: str, places: list[Path], variables: dict[str, str]) -> float:
    found = first_request("place_order", order_event(wallet), places, variables)
    if found.status != 201:
        message = f"place_order answered {found.status}"
        raise RuntimeError(message)
    return found.seconds
