"""The four steps of a rotation: what each writes, repeated, out of order, late, in a race, and cut short anywhere."""

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

from moniqo_core.credentials.key_ring import Key, KeyRing, read_ring, successor, write_ring
from moniqo_core.credentials.key_source import CACHE_SECONDS, SecretsManagerKeys
from moniqo_core.credentials.rotation import NOTICE, STEPS, KeyRotation, RotationError
from moniqo_core.credentials.stored_ring import CURRENT, PENDING, StoredRing
from moniqo_core.domain.errors import TemporarilyUnavailableError
from tests.support.wallets import mock_aws

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = "moniqo/keys"
TOKENS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(20)]
OPERATIONS = ("GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")

Result = TypeVar("Result")


class Desk:
    """One secret, a clock that stands still until moved, and the keys that documents need."""

    def __init__(self) -> None:
        self.client = boto3.client("secretsmanager")
        self.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')
        self.stored = StoredRing(SECRET, lambda: SecretsProvider(boto3_client=self.client))
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
        """Let something happen just before the next call of ``operation``."""
        left = [happen]

        def hook(**_: Any) -> None:
            if left:
                left.pop()()

        self.client.meta.events.register(f"before-call.secretsmanager.{operation}", hook)


@pytest.fixture
def desk(environment: pytest.MonkeyPatch) -> Iterator[Desk]:
    with mock_aws():
        yield Desk()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def ring_of(*keys: Key) -> KeyRing:
    return KeyRing({key.kid: key for key in keys})


def key(kid: str, age: timedelta, unused: timedelta | None = None) -> Key:
    return Key(kid, kid.encode().ljust(32, b"."), NOW - age, None if unused is None else NOW - unused)


def test_the_first_rotation_makes_the_first_key_and_the_next(desk: Desk) -> None:
    desk.run(*STEPS)

    first, second = sorted(desk.ring().keys.values(), key=lambda made: made.use_after)
    assert (first.use_after, second.use_after) == (NOW, NOW + timedelta(seconds=2 * CACHE_SECONDS))
    assert desk.labels()[TOKENS[0]] == [CURRENT, PENDING]


def test_until_it_is_finished_nobody_sees_the_new_key(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    before = desk.text(CURRENT)

    desk.run("createSecret", "setSecret", "testSecret")

    assert desk.text(CURRENT) == before
    assert set(read_ring(desk.text(PENDING)).keys) > {"old"}
    desk.run("finishSecret")
    assert desk.text(CURRENT) == desk.text(PENDING)
    assert [labels for labels in desk.labels().values() if "AWSPREVIOUS" in labels] == [["AWSPREVIOUS"]]


def test_every_step_may_be_repeated_at_any_time(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    for done, step in enumerate(STEPS):
        desk.run(step)
        seen = desk.text(PENDING)
        for again in STEPS[: done + 1]:
            desk.run(again)
        assert desk.text(PENDING) == seen
    assert len(desk.ring().keys) == 2


def test_writers_keep_the_old_key_until_every_reader_knows_the_new_one(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.run(*STEPS)
    assert desk.ring().writing_key(NOW + NOTICE - timedelta(milliseconds=1)).kid == "old"
    assert desk.ring().writing_key(NOW + NOTICE).kid != "old"


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_a_step_before_its_time_is_refused(desk: Desk, step: str) -> None:
    desk.put(ring_of(key("old", DAY)))
    with pytest.raises(RotationError, match="never began"):
        desk.run(step)


def test_an_unknown_step_is_refused(desk: Desk) -> None:
    with pytest.raises(RotationError, match="createSecret, setSecret, testSecret, finishSecret"):
        desk.run("dropSecret")


def test_two_rotations_at_once_are_refused(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.run("createSecret")
    with pytest.raises(RotationError, match=f"The rotation {TOKENS[0]} is under way"):
        desk.run("createSecret", token=TOKENS[1])
    desk.run("testSecret", "finishSecret")
    desk.run(*STEPS, token=TOKENS[1])
    assert len(desk.ring().keys) == 3


def test_the_version_that_secrets_manager_announces_before_the_first_step_has_no_value_yet(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    secret = desk.client.describe_secret(SecretId=SECRET)
    # What RotateSecret does; moto does it only for a function it has.
    from moto.secretsmanager.models import secretsmanager_backends

    backend = secretsmanager_backends["123456789012"]["eu-central-1"]
    announced = {"createdate": 0, "version_id": TOKENS[0], "version_stages": [PENDING]}
    backend.secrets[secret["Name"]].versions[TOKENS[0]] = announced
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        desk.client.get_secret_value(SecretId=SECRET, VersionStage=PENDING)
    assert run(desk.rotation().unfinished()) is None


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_a_rotation_that_comes_too_late_is_given_up_and_the_next_one_works(desk: Desk, step: str) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.run("createSecret")
    desk.now += NOTICE - timedelta(seconds=CACHE_SECONDS - 1)

    with pytest.raises(RotationError, match="before every reader knows it"):
        desk.run(step)

    assert set(desk.ring().keys) == {"old"}
    with pytest.raises(RotationError, match="given up"):
        desk.run("createSecret", "testSecret")
    run(desk.rotation().run_all())
    assert len(desk.ring().keys) == 2


def test_a_rotation_found_too_late_is_replaced_by_a_new_one(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.run("createSecret")
    lost = set(read_ring(desk.text(PENDING)).keys) - {"old"}
    desk.now += timedelta(hours=1)

    run(desk.rotation().run_all())

    assert not lost & set(desk.ring().keys)
    assert len(desk.ring().keys) == 2


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_a_key_that_was_added_by_hand_meanwhile_is_not_lost(desk: Desk, step: str) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.run("createSecret")
    desk.put(ring_of(key("old", DAY), key("by-hand", -DAY)))

    with pytest.raises(RotationError, match="lacks keys that are needed: by-hand"):
        desk.run(step)

    assert set(desk.ring().keys) == {"old", "by-hand"}


def test_what_changes_in_the_very_moment_of_finishing_wins(desk: Desk) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.run("createSecret", "testSecret")
    both = ring_of(key("old", DAY), key("by-hand", -DAY))
    desk.during("UpdateSecretVersionStage", lambda: _move_current(desk, both))

    with pytest.raises(TemporarilyUnavailableError):
        desk.run("finishSecret")

    assert set(desk.ring().keys) == {"old", "by-hand"}


def _move_current(desk: Desk, ring: KeyRing) -> None:
    desk.put(ring)
    for version, labels in desk.labels().items():
        assert (CURRENT in labels) == (read_ring(_text_of(desk, version)) == ring)


def _text_of(desk: Desk, version: str) -> str:
    text: str = desk.client.get_secret_value(SecretId=SECRET, VersionId=version)["SecretString"]
    return text


def test_a_first_writer_and_a_first_rotation_at_once_agree_on_the_key(desk: Desk) -> None:
    async def write() -> Key:
        keys = SecretsManagerKeys(desk.stored, monotonic=lambda: 0.0, now=lambda: desk.now)
        return await keys.writing_key()

    written: list[Key] = []
    desk.during("PutSecretValue", lambda: written.append(run(write())))
    desk.run(*STEPS)

    assert written
    assert desk.ring().keys[written[0].kid] == written[0]
    assert len(desk.ring().keys) == 2


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
def test_a_key_leaves_one_rotation_after_nobody_needs_it(old: Key, needed: set[str], stays: bool, marked: bool) -> None:
    made = successor(ring_of(old, key("writing", DAY)), key("new", -GRACE), needed, NOW, GRACE)

    assert ("old" in made.keys, "old" in made.keys and made.keys["old"].unused_since is not None) == (stays, marked)
    assert {"writing", "new"} <= set(made.keys)
    assert made.keys["writing"].unused_since is None
    assert read_ring(write_ring(made)) == made


def test_keys_that_are_in_use_or_will_be_never_leave(desk: Desk) -> None:
    ring = ring_of(key("writing", DAY), key("next", -DAY), key("after that", -2 * DAY))
    for _ in range(5):
        ring = successor(ring, key("new", -3 * DAY), (), NOW, timedelta(0))
    assert set(ring.keys) == {"writing", "next", "after that", "new"}


def test_a_key_that_a_document_needs_again_stops_the_rotation_that_drops_it(desk: Desk) -> None:
    desk.put(ring_of(key("old", 9 * DAY, unused=DAY), key("writing", 8 * DAY)))
    desk.run("createSecret")
    assert "old" not in read_ring(desk.text(PENDING)).keys
    desk.needed = {"old"}

    with pytest.raises(RotationError, match="lacks keys that are needed: old"):
        desk.run("finishSecret")
    run(desk.rotation().run_all())
    assert desk.ring().keys["old"].unused_since is None


class Killed(BaseException):
    """Stands for a process that is no more."""


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_rotation_cut_short_anywhere_loses_no_key_and_the_next_run_finishes_it(desk: Desk, moment: str) -> None:
    desk.put(ring_of(key("old", DAY)))
    desk.needed = {"old"}
    alive = -1
    for cut in count():
        left = [cut]

        def die(left: list[int] = left, **_: Any) -> None:
            left[0] -= 1
            if left[0] == alive:
                raise Killed

        before = set(desk.ring().keys)
        for operation in OPERATIONS:
            desk.client.meta.events.register(f"{moment}.secretsmanager.{operation}", die, unique_id=operation)
        try:
            run(desk.rotation().run_all())
            killed = False
        except Killed:
            killed = True
        for operation in OPERATIONS:
            desk.client.meta.events.unregister(f"{moment}.secretsmanager.{operation}", unique_id=operation)
        assert set(desk.ring().keys) >= before
        assert desk.ring().writing_key(desk.now).material
        if not killed:
            break
        run(desk.rotation().run_all())
        assert run(desk.rotation().unfinished()) is None
        assert len(desk.ring().keys) > len(before)
        desk.now += timedelta(hours=1)
        desk.needed |= set(desk.ring().keys)
    assert cut >= 8, "it was to be cut at every call"
