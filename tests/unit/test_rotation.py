"""The four steps of a key rotation: what each writes, when repeated, out of order, late, in a race, or interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.exceptions import ClientError

from moniqo_core.credentials.key_retirement import successor
from moniqo_core.credentials.key_ring import Key, KeyRing, read_ring, write_ring
from moniqo_core.credentials.key_ring_secret import CURRENT, PENDING, KeyRingSecret, SecretVersion
from moniqo_core.credentials.key_rotation import NOTICE, STEPS, KeyRotation, RotationError
from moniqo_core.credentials.key_source import CACHE_SECONDS, SecretsManagerKeys
from moniqo_core.domain.errors import TemporarilyUnavailableError
from tests.support.wallets import mock_aws

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = "moniqo/keys"
TOKENS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(20)]
OPERATIONS = ("GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")

Result = TypeVar("Result")


class RotationHarness:
    """One secret, a clock that stands still until moved, and the keys that documents need."""

    def __init__(self) -> None:
        self.client = boto3.client("secretsmanager")
        self.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')
        self.stored = KeyRingSecret(SECRET, lambda: SecretsProvider(boto3_client=self.client))
        self.now = NOW
        self.needed: set[str] = set()

    def rotation(self) -> KeyRotation:
        return KeyRotation(self.stored, self._needed, lambda: self.now)

    async def _needed(self, kids: Iterable[str]) -> set[str]:
        return self.needed & set(kids)

    def run(self, *steps: str, token: str = TOKENS[0]) -> None:
        for step in steps:
            run(self.rotation().run(step, token))

    def ring(self) -> KeyRing:
        return self.stored.read()

    def text(self, label: str) -> str | None:
        version = self.stored.version(label)
        return version and version.text

    def labels(self) -> dict[str, list[str]]:
        stages = self.client.describe_secret(SecretId=SECRET)["VersionIdsToStages"]
        return {version: sorted(labels) for version, labels in stages.items()}

    def put(self, ring: KeyRing) -> None:
        self.client.put_secret_value(SecretId=SECRET, SecretString=write_ring(ring))

    def during(self, operation: str, happen: Callable[[], object]) -> None:
        """Run a function just before the next call of ``operation``."""
        left = [happen]

        def hook(**_: Any) -> None:
            if left:
                left.pop()()

        self.client.meta.events.register(f"before-call.secretsmanager.{operation}", hook)


@pytest.fixture
def harness(environment: pytest.MonkeyPatch) -> Iterator[RotationHarness]:
    with mock_aws():
        yield RotationHarness()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def ring_of(*keys: Key) -> KeyRing:
    return KeyRing({key.kid: key for key in keys})


def key(kid: str, age: timedelta, unused: timedelta | None = None) -> Key:
    return Key(kid, kid.encode().ljust(32, b"."), NOW - age, None if unused is None else NOW - unused)


def test_first_rotation_makes_the_first_key_and_its_successor(harness: RotationHarness) -> None:
    harness.run(*STEPS)

    first, second = sorted(harness.ring().keys.values(), key=lambda made: made.use_after)
    assert (first.use_after, second.use_after) == (NOW, NOW + timedelta(seconds=2 * CACHE_SECONDS))
    assert harness.labels()[TOKENS[0]] == [CURRENT, PENDING]


def test_new_key_is_invisible_until_the_rotation_finishes(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    before = harness.text(CURRENT)

    harness.run("createSecret", "setSecret", "testSecret")

    assert harness.text(CURRENT) == before
    assert set(read_ring(harness.text(PENDING)).keys) > {"old"}
    harness.run("finishSecret")
    assert harness.text(CURRENT) == harness.text(PENDING)
    assert [labels for labels in harness.labels().values() if "AWSPREVIOUS" in labels] == [["AWSPREVIOUS"]]


def test_every_step_is_repeatable(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    for done, step in enumerate(STEPS):
        harness.run(step)
        seen = harness.text(PENDING)
        for again in STEPS[: done + 1]:
            harness.run(again)
        assert harness.text(PENDING) == seen
    assert len(harness.ring().keys) == 2


def test_writers_keep_the_old_key_until_all_readers_know_the_new_one(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.run(*STEPS)
    assert harness.ring().writing_key(NOW + NOTICE - timedelta(milliseconds=1)).kid == "old"
    assert harness.ring().writing_key(NOW + NOTICE).kid != "old"


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_step_out_of_order_is_refused(harness: RotationHarness, step: str) -> None:
    harness.put(ring_of(key("old", DAY)))
    with pytest.raises(RotationError, match="never started"):
        harness.run(step)


def test_unknown_step_is_refused(harness: RotationHarness) -> None:
    with pytest.raises(RotationError, match="createSecret, setSecret, testSecret, finishSecret"):
        harness.run("dropSecret")


def test_second_rotation_is_refused_while_one_is_under_way(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.run("createSecret")
    with pytest.raises(RotationError, match=f"The rotation {TOKENS[0]} is in progress"):
        harness.run("createSecret", token=TOKENS[1])
    harness.run("testSecret", "finishSecret")
    harness.run(*STEPS, token=TOKENS[1])
    assert len(harness.ring().keys) == 3


def test_announced_version_without_a_value_is_not_an_unfinished_rotation(
    harness: RotationHarness,
) -> None:
    harness.put(ring_of(key("old", DAY)))
    secret = harness.client.describe_secret(SecretId=SECRET)
    # What RotateSecret does; moto does it only for a function it has.
    from moto.secretsmanager.models import secretsmanager_backends

    backend = secretsmanager_backends["123456789012"]["eu-central-1"]
    announced = {"createdate": 0, "version_id": TOKENS[0], "version_stages": [PENDING]}
    backend.secrets[secret["Name"]].versions[TOKENS[0]] = announced
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        harness.client.get_secret_value(SecretId=SECRET, VersionStage=PENDING)
    assert run(harness.rotation().unfinished()) is None


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_late_rotation_is_given_up_and_the_next_one_succeeds(harness: RotationHarness, step: str) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.run("createSecret")
    harness.now += NOTICE - timedelta(seconds=CACHE_SECONDS - 1)

    with pytest.raises(RotationError, match="before every reader has it"):
        harness.run(step)

    assert set(harness.ring().keys) == {"old"}
    with pytest.raises(RotationError, match="was abandoned"):
        harness.run("createSecret", "testSecret")
    run(harness.rotation().run_all())
    assert len(harness.ring().keys) == 2


def test_abandoned_rotation_is_replaced_by_a_new_one(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.run("createSecret")
    lost = set(read_ring(harness.text(PENDING)).keys) - {"old"}
    harness.now += timedelta(hours=1)

    run(harness.rotation().run_all())

    assert not lost & set(harness.ring().keys)
    assert len(harness.ring().keys) == 2


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_key_added_by_hand_during_a_rotation_is_kept(harness: RotationHarness, step: str) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.run("createSecret")
    harness.put(ring_of(key("old", DAY), key("by-hand", -DAY)))

    with pytest.raises(RotationError, match="lacks keys that are still needed: by-hand"):
        harness.run(step)

    assert set(harness.ring().keys) == {"old", "by-hand"}


def test_change_at_the_moment_of_finishing_wins(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.run("createSecret", "testSecret")
    both = ring_of(key("old", DAY), key("by-hand", -DAY))
    harness.during("UpdateSecretVersionStage", lambda: _move_current(harness, both))

    with pytest.raises(TemporarilyUnavailableError):
        harness.run("finishSecret")

    assert set(harness.ring().keys) == {"old", "by-hand"}


def _move_current(harness: RotationHarness, ring: KeyRing) -> None:
    harness.put(ring)
    for version, labels in harness.labels().items():
        assert (CURRENT in labels) == (read_ring(_text_of(harness, version)) == ring)


def _text_of(harness: RotationHarness, version: str) -> str:
    text: str = harness.client.get_secret_value(SecretId=SECRET, VersionId=version)["SecretString"]
    return text


def test_re_encryption_and_the_first_rotation_agree_on_the_first_key(harness: RotationHarness) -> None:
    async def write() -> Key:
        keys = SecretsManagerKeys(harness.stored, monotonic=lambda: 0.0, now=lambda: harness.now)
        await keys.add_first_key()
        return await keys.writing_key()

    written: list[Key] = []
    harness.during("PutSecretValue", lambda: written.append(run(write())))
    harness.run(*STEPS)

    assert written
    assert harness.ring().keys[written[0].kid] == written[0]
    assert len(harness.ring().keys) == 2


GRACE = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("old", "needed", "stays", "marked"),
    [
        (key("old", 2 * DAY), {"old"}, True, False),
        (key("old", 2 * DAY), set(), True, True),
        (key("old", 2 * DAY, unused=DAY), {"old"}, True, False),
        (key("old", 2 * DAY, unused=timedelta(minutes=9)), set(), True, True),
        (key("old", 2 * DAY, unused=GRACE), set(), False, False),
    ],
)
def test_key_leaves_one_rotation_after_it_is_unneeded(old: Key, needed: set[str], stays: bool, marked: bool) -> None:
    made = successor(ring_of(old, key("writing", DAY)), key("new", -GRACE), needed, NOW, GRACE)

    assert ("old" in made.keys, "old" in made.keys and made.keys["old"].unused_since is not None) == (stays, marked)
    assert {"writing", "new"} <= set(made.keys)
    assert made.keys["writing"].unused_since is None
    assert read_ring(write_ring(made)) == made


def test_current_and_future_keys_never_leave(harness: RotationHarness) -> None:
    ring = ring_of(key("writing", DAY), key("next", -DAY), key("after that", -2 * DAY))
    for _ in range(5):
        ring = successor(ring, key("new", -3 * DAY), (), NOW, timedelta(0))
    assert set(ring.keys) == {"writing", "next", "after that", "new"}


def test_account_key_stays_when_every_first_key_has_left(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", DAY)))
    first = harness.ring().account_key
    for token in TOKENS[:6]:
        harness.run(*STEPS, token=token)
        assert harness.ring().account_key == first
        harness.now += DAY
    assert "old" not in harness.ring().keys


def test_ring_with_another_account_key_is_not_promoted(harness: RotationHarness) -> None:
    harness.put(KeyRing(ring_of(key("old", DAY)).keys, b"1" * 32))
    harness.run("createSecret")
    token = TOKENS[1]
    made = read_ring(harness.text(PENDING))
    harness.stored.drop_pending(SecretVersion(TOKENS[0], None))
    harness.stored.add_pending(token, KeyRing(made.keys))

    with pytest.raises(RotationError, match="another key of account fingerprints"):
        harness.run("testSecret", token=token)

    assert harness.ring().account_key == b"1" * 32


def test_rotation_stops_when_a_document_needs_a_dropped_key(harness: RotationHarness) -> None:
    harness.put(ring_of(key("old", 9 * DAY, unused=DAY), key("writing", 8 * DAY)))
    harness.run("createSecret")
    assert "old" not in read_ring(harness.text(PENDING)).keys
    harness.needed = {"old"}

    with pytest.raises(RotationError, match="lacks keys that are still needed: old"):
        harness.run("finishSecret")
    run(harness.rotation().run_all())
    assert harness.ring().keys["old"].unused_since is None


class Killed(BaseException):
    """Stands for a killed process."""


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_interrupted_rotation_loses_no_key_and_the_next_run_finishes_it(harness: RotationHarness, moment: str) -> None:
    harness.put(ring_of(key("old", DAY)))
    harness.needed = {"old"}
    alive = -1
    for cut in count():
        left = [cut]

        def die(left: list[int] = left, **_: Any) -> None:
            left[0] -= 1
            if left[0] == alive:
                raise Killed

        before = set(harness.ring().keys)
        for operation in OPERATIONS:
            harness.client.meta.events.register(f"{moment}.secretsmanager.{operation}", die, unique_id=operation)
        try:
            run(harness.rotation().run_all())
            killed = False
        except Killed:
            killed = True
        for operation in OPERATIONS:
            harness.client.meta.events.unregister(f"{moment}.secretsmanager.{operation}", unique_id=operation)
        assert set(harness.ring().keys) >= before
        assert harness.ring().writing_key(harness.now).material
        if not killed:
            break
        run(harness.rotation().run_all())
        assert run(harness.rotation().unfinished()) is None
        assert len(harness.ring().keys) > len(before)
        harness.now += timedelta(hours=1)
        harness.needed |= set(harness.ring().keys)
    assert cut >= 8, "it was to be cut at every call"
