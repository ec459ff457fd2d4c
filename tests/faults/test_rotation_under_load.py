"""Key rotation while the service is in use, and while the rotating processes are killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import boto3
import pytest
from pydantic import SecretStr

from moniqo_core.credentials.cipher import stored_prefix
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_source import CACHE_SECONDS
from moniqo_core.storage.wallets.ciphertexts import CiphertextStore
from tests.conftest import Database, Run
from tests.integration.test_key_rotation import WALLETS, all_open, make_wallets, secrets, stored
from tests.support.aws_server import aws_server
from tests.support.key_harness import Environment, MovedClock, rotate_until_killed
from tests.support.killable_process import KillableProcess
from tests.support.lambdas import TRADER, Invoke
from tests.support.wallets import KEY_SECRET, aws, ring_of_one_key

__all__ = ["aws", "secrets", "stored"]

ROTATIONS = 10
STEPS_UNTIL_USED = 6
READERS = 4
WRITERS = 2
KILLS = 6
MOST_KILLS = 24
Result = TypeVar("Result")
HOUR = 3600


class Load:
    """Readers and writers, each in its own environment, which is replaced from time to time."""

    def __init__(
        self, db: Database, stored: KeyRingSecret, clock: MovedClock, secrets: dict[str, str], chance: random.Random
    ) -> None:
        self.secrets = secrets
        self.requests = 0
        self._chance = chance
        self._new = partial(Environment, db, stored, clock)
        self._environments = [self._new() for _ in range(READERS + WRITERS)]
        self._possible = {wallet: {secret} for wallet, secret in secrets.items()}

    async def during(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Read and write until ``work`` is done."""
        task = asyncio.create_task(work)
        while not task.done():
            await self.round()
        return await task

    async def round(self) -> None:
        """Let every environment handle one request, all at once."""
        number = self._chance.randrange(len(self._environments))
        if self._chance.random() < 0.3:
            self._environments[number] = self._new()
        wallets = self._chance.sample(list(self.secrets), WRITERS)
        reading, writing = self._environments[:READERS], self._environments[READERS:]
        reads = [self._read(each, self._chance.choice([*self.secrets, *wallets])) for each in reading]
        writes = [self._write(each, wallet) for each, wallet in zip(writing, wallets, strict=True)]
        await asyncio.gather(*reads, *writes)
        self.requests += len(self._environments)

    async def _read(self, environment: Environment, wallet: str) -> None:
        assert await environment.opened(TRADER.id, wallet) in self._possible[wallet]

    async def _write(self, environment: Environment, wallet: str) -> None:
        secret = f"secret {self._chance.random()}"
        self._possible[wallet].add(secret)
        await environment.connection.replace(TRADER.id, wallet, {"api_key": SecretStr(secret)})
        self.secrets[wallet] = secret


def test_ten_rotations_under_load_fail_no_request_and_retire_old_keys(
    seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run, seed: int
) -> None:
    clock = MovedClock()
    first = set(stored.read().keys)
    load = Load(seeded, stored, clock, secrets, random.Random(seed))

    async def scenario() -> None:
        for _ in range(ROTATIONS):
            await load.during(Environment(seeded, stored, clock).rotation.run_all(lambda _: clock.move(5)))
            for _ in range(STEPS_UNTIL_USED):
                await load.round()
                clock.move(2 * CACHE_SECONDS / STEPS_UNTIL_USED)
            report = await load.during(Environment(seeded, stored, clock).reencryption.run(60))
            assert report.unreadable == 0

    run(scenario())
    print(f"{load.requests} requests")
    assert load.requests >= 500
    last = Environment(seeded, stored, clock)
    run(last.reencryption.run(60))
    run(all_open(last, secrets))
    ring = stored.read()
    under = {kid: run(CiphertextStore(seeded).count(stored_prefix(kid))) for kid in ring.keys}
    assert {kid: count for kid, count in under.items() if count} == {ring.writing_key(clock.now()).kid: WALLETS}
    assert not first & set(ring.keys), "a key that nobody needs is to leave"
    assert len(ring.keys) <= 4


@pytest.fixture
def moto_server(environment: pytest.MonkeyPatch) -> Iterator[str]:
    """AWS over HTTP, for processes of their own."""
    with aws_server() as url:
        environment.setenv("AWS_ENDPOINT_URL", url)
        boto3.client("secretsmanager").create_secret(Name=KEY_SECRET, SecretString=ring_of_one_key())
        yield url


def test_killed_processes_lose_no_credentials_and_the_next_run_finishes(
    moto_server: str, stored: KeyRingSecret, seeded: Database, mongo_url: str, invoke: Invoke, run: Run, seed: int
) -> None:
    secrets = make_wallets(invoke, run, seeded)
    chance = random.Random(seed)
    stages: Counter[str] = Counter()
    last, kill = "", -1
    # On a busy machine a rotation may begin anew before it reaches its third step, so such a kill is tried again.
    while kill < KILLS - 1 or (len(stages) < 3 and kill < MOST_KILLS):
        kill += 1
        victim = KillableProcess(rotate_until_killed, mongo_url, seeded.name, KEY_SECRET, 100 * kill)
        # The first kills come after one, two and three steps, so that chance cannot leave a stage out.
        for _ in range(kill % KILLS + 1 if kill % KILLS < 3 else chance.randrange(1, 12)):
            assert victim.reports.poll(30), f"it stands still, TEST_SEED={seed}"
            last = victim.reports.recv()
        if chance.random() < 0.5:
            victim.reports.poll(chance.random() / 50)  # somewhere within the next step
        victim.kill()
        victim.end()
        stages[str(last)] += 1
        run(all_open(Environment(seeded, stored, MovedClock()), secrets))

    assert len(stages) > 2, stages
    clock = MovedClock(timedelta(hours=100 * (kill + 1)))
    environment = Environment(seeded, stored, clock)
    run(environment.rotation.run_all())
    clock.move(HOUR)
    report = run(environment.reencryption.run(60))
    assert (report.unreadable, report.left) == (0, 0)
    run(all_open(environment, secrets))
