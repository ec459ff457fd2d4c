"""Key rotation and re-encryption, also when they are interrupted."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from moniqo_core import cli
from moniqo_core.credentials import key_source
from moniqo_core.credentials.key_ring import KeyRing, write_ring
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_rotation import STEPS
from moniqo_core.domain.clock import utc_now
from moniqo_core.services.wallets import reencryption
from moniqo_core.storage.wallets.ciphertexts import Ciphertext, CiphertextStore
from tests.conftest import Database, Run, forget
from tests.support.clock import put_clock_forward
from tests.support.key_harness import FIELDS, Environment, MovedClock
from tests.support.lambdas import TRADER, Invoke, load_function
from tests.support.wallets import DEMO, KEY_SECRET, aws, create, new_wallet

__all__ = ["aws"]

WALLETS = 8
HOUR = 3600
DAY = 24 * HOUR


def make_wallets(invoke: Invoke, run: Run, db: Database, count: int = WALLETS) -> dict[str, str]:
    """Create wallets with one secret each, and return the secrets by wallet."""
    run(db.wallets.update_one({"slug": DEMO}, {"$set": {"required_credentials": FIELDS}}))
    secrets = {}
    for number in range(count):
        wallet = create(invoke, credentials={"api_key": f"secret {number}"})
        secrets[wallet["id"]] = f"secret {number}"
    return secrets


@pytest.fixture
def stored() -> KeyRingSecret:
    """The key ring's secret, through a client that all environments of a test share."""
    return KeyRingSecret(KEY_SECRET)


@pytest.fixture
def secrets(aws: None, seeded: Database, invoke: Invoke, run: Run) -> dict[str, str]:
    return make_wallets(invoke, run, seeded)


async def all_open(environment: Environment, secrets: Mapping[str, str]) -> None:
    """Check that every wallet's credentials open and are the ones stored last."""
    assert {wallet: await environment.opened(TRADER.id, wallet) for wallet in secrets} == secrets


def test_no_key_leaves_without_re_encryption(
    seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run
) -> None:
    clock = MovedClock()
    for _ in range(4):
        run(Environment(seeded, stored, clock).rotation.run_all())
        clock.move(HOUR)
        run(all_open(Environment(seeded, stored, clock), secrets))


def test_lambda_functions_rotate_and_re_encrypt(
    seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "11111111-2222-4333-8444-555555555555"
    for step in STEPS:
        event = {"Step": step, "SecretId": KEY_SECRET, "ClientRequestToken": token}
        load_function("rotate_key").handler(event, None)
    assert load_function("reencrypt_credentials").handler({}, None) == {"moved": 0, "unreadable": 0, "left": 0}

    put_clock_forward(monkeypatch, timedelta(hours=1))
    monkeypatch.setattr(key_source, "CACHE_SECONDS", 0.0)
    assert load_function("reencrypt_credentials").handler({}, None) == {"moved": WALLETS, "unreadable": 0, "left": 0}
    run(all_open(Environment(seeded, stored, MovedClock()), secrets))


def test_age_of_the_keys_counts_from_the_last_rotation(
    aws: None, seeded: Database, stored: KeyRingSecret, run: Run
) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=KEY_SECRET, SecretString='{"keys": {}}')
    clock = MovedClock()
    environment = Environment(seeded, stored, clock)

    def age() -> timedelta:
        return run(environment.reencryption.run(60)).key_age

    assert age() < timedelta(minutes=1), "the first key is made now"
    run(environment.rotation.run_all())
    clock.move(90 * DAY)
    assert timedelta(days=89) < age() < timedelta(days=90)

    run(environment.rotation.run_all())
    assert timedelta(days=89) < age() < timedelta(days=90), "the new key is not in use yet"
    clock.move(HOUR)
    assert timedelta(0) < age() < timedelta(hours=1)


def test_credentials_wait_for_the_first_key_which_the_hourly_function_makes(
    aws: None, seeded: Database, stored: KeyRingSecret, invoke: Invoke, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where scheduled rotation is off."""
    monkeypatch.setattr(key_source, "FORCED_REFRESH_SECONDS", 0.0)
    boto3.client("secretsmanager").put_secret_value(SecretId=KEY_SECRET, SecretString='{"keys": {}}')
    run(seeded.wallets.update_one({"slug": DEMO}, {"$set": {"required_credentials": FIELDS}}))
    wallet = new_wallet(credentials={"api_key": "secret"})

    early = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=wallet)

    assert (early.status, early.json["code"], early.headers["retry-after"]) == (503, "TEMPORARILY_UNAVAILABLE", "60")
    assert stored.read().keys == {}
    assert run(seeded.user_wallets.count_documents({})) == 0
    for _ in range(2):
        load_function("reencrypt_credentials").handler({}, None)
    assert len(stored.read().keys) == 1
    assert invoke("create_wallet", "POST", "/wallets", user=TRADER, body=wallet).status == 201


def test_rotation_function_refuses_other_secrets(aws: None, database: Database) -> None:
    event = {"Step": "createSecret", "SecretId": "another", "ClientRequestToken": "1" * 36}
    with pytest.raises(RuntimeError, match="rotates only the key ring"):
        load_function("rotate_key").handler(event, None)


def test_credentials_replaced_during_re_encryption_win(
    seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run
) -> None:
    clock = MovedClock()
    user = Environment(seeded, stored, clock)
    (wallet, *_), new = secrets, SecretStr("a new secret")

    class Interrupted(CiphertextStore):
        async def replace(self, changes: Mapping[Ciphertext, str]) -> int:
            await user.connection.replace(TRADER.id, wallet, {"api_key": new})
            return await super().replace(changes)

    mover = Environment(seeded, stored, clock, Interrupted(seeded))
    run(mover.rotation.run_all())
    clock.move(HOUR)
    report = run(mover.reencryption.run(60))

    assert (report.moved, report.unreadable, report.left) == (WALLETS - 1, 0, 0)
    run(all_open(user, secrets | {wallet: "a new secret"}))


def test_re_encryption_during_a_credential_replacement_is_no_conflict(
    seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = MovedClock()
    user, mover = (Environment(seeded, stored, clock) for _ in range(2))
    wallet = next(iter(secrets))
    run(mover.rotation.run_all())
    clock.move(HOUR)
    encrypt = user.cipher.encrypt

    async def overtaken(*arguments: Any) -> str:
        assert (await mover.reencryption.run(60)).moved == WALLETS
        return await encrypt(*arguments)

    monkeypatch.setattr(user.cipher, "encrypt", overtaken)
    run(user.connection.replace(TRADER.id, wallet, {"api_key": SecretStr("a new secret")}))

    run(all_open(mover, secrets | {wallet: "a new secret"}))


@pytest.fixture
def rotated(seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run) -> Environment:
    """A new key is in use, and no credential is encrypted with it yet."""
    clock = MovedClock()
    environment = Environment(seeded, stored, clock)
    run(environment.rotation.run_all())
    clock.move(HOUR)
    return environment


def test_deleted_wallets_are_re_encrypted(
    rotated: Environment, secrets: dict[str, str], run: Run, invoke: Invoke
) -> None:
    wallet = next(iter(secrets))
    assert invoke("delete_wallet", "DELETE", f"/wallets/{wallet}", user=TRADER).status == 204

    assert run(rotated.reencryption.run(60)).moved == WALLETS


def test_run_out_of_time_leaves_the_rest_to_the_next(
    rotated: Environment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencryption, "PAGE", 3)

    reports = [run(rotated.reencryption.run(seconds)) for seconds in (0, 60, 60)]

    assert [(report.moved, report.left) for report in reports] == [(0, WALLETS), (WALLETS, 0), (0, 0)]


def test_progress_is_reported_page_by_page(rotated: Environment, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "PAGE", 3)
    told: list[int] = []

    run(rotated.reencryption.run(60, told.append))

    assert told == [3, 6, 8]


def test_operator_rotates_re_encrypts_and_checks_status(
    seeded: Database,
    stored: KeyRingSecret,
    secrets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Run,
) -> None:
    def moniqo(*arguments: str) -> tuple[int, list[str]]:
        forget()  # a process of its own, with a connection of its own
        capsys.readouterr()
        return cli.main(["keys", *arguments]), capsys.readouterr().out.splitlines()

    yesterday = {kid: replace(key, use_after=utc_now() - timedelta(days=1)) for kid, key in stored.read().keys.items()}
    ring = write_ring(KeyRing(yesterday))
    boto3.client("secretsmanager").put_secret_value(SecretId=KEY_SECRET, SecretString=ring)
    run(Environment(seeded, stored, MovedClock(-timedelta(hours=1))).rotation.run_all())
    monkeypatch.setattr(cli.keys, "NOTICE", timedelta(0))

    assert moniqo("rotate", "--local")[1][1] == f"Moved: {WALLETS}. Cannot be decrypted: 0. Left: 0."
    code, lines = moniqo("status")
    assert code == 0
    assert [line.split()[-1] for line in lines] == ["credentials", "0", str(WALLETS), "0"]
    run(seeded.user_wallets.update_one({"_id": next(iter(secrets))}, {"$set": {"credentials": "v1:nobody:gAAAA"}}))
    code, lines = moniqo("status")
    assert code == 1
    assert lines[-1] == "No key of this ring can decrypt 1 credential."


class Killed(BaseException):
    """Stands for a killed process."""


class Mortal(CiphertextStore):
    """Dies at its n-th call, before or after the work of the call."""

    def __init__(self, db: Database, cut: int) -> None:
        super().__init__(db)
        self.cut = cut

    async def _survive(self, work: Coroutine[Any, Any, Any]) -> Any:
        self.cut -= 1
        if self.cut == 0:
            work.close()
            raise Killed
        result = await work
        self.cut -= 1
        if self.cut == 0:
            raise Killed
        return result

    async def page(self, prefix: str, after: Ciphertext | None, limit: int) -> Sequence[Ciphertext]:
        found: Sequence[Ciphertext] = await self._survive(super().page(prefix, after, limit))
        return found

    async def replace(self, changes: Mapping[Ciphertext, str]) -> int:
        count: int = await self._survive(super().replace(changes))
        return count

    async def mark_unreadable(self, broken: Sequence[Ciphertext], reason: str, now: datetime) -> None:
        await self._survive(super().mark_unreadable(broken, reason, now))


def test_interrupted_re_encryption_loses_nothing_and_the_next_run_finishes(
    seeded: Database, stored: KeyRingSecret, secrets: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencryption, "PAGE", 3)
    clock = MovedClock()
    cuts = 0
    for cut in range(1, 100):
        environment = Environment(seeded, stored, clock, Mortal(seeded, cut))
        run(environment.rotation.run_all())
        clock.move(HOUR)
        try:
            run(environment.reencryption.run(60))
            break
        except Killed:
            cuts += 1
        run(all_open(Environment(seeded, stored, clock), secrets))
        assert run(Environment(seeded, stored, clock).reencryption.run(60)).left == 0
        run(all_open(Environment(seeded, stored, clock), secrets))
    assert cuts >= 2 * (3 * 3 + 1), "it was to be cut before and after every call"
