"""The key ring: its format, the key that writers use, and how it is read from Secrets Manager."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.exceptions import ClientError

from moniqo_core.credentials.key_ring import Key, KeyRing, new_key, read_ring, write_ring
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_source import CACHE_SECONDS, SecretsManagerKeys
from moniqo_core.domain.errors import DecryptionError, EncryptionError, TemporarilyUnavailableError
from moniqo_core.secret_reader import SecretRefusedError, secrets_provider
from tests.support.stack import template
from tests.support.wallets import mock_aws

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
SECRET = "moniqo/keys"

Result = TypeVar("Result")


class Counting:
    """Secrets Manager, with a count of what was read from it."""

    def __init__(self) -> None:
        self.client = boto3.client("secretsmanager")
        self.reads = 0
        self.client.meta.events.register("before-call.secretsmanager.GetSecretValue", self._count)

    def _count(self, **_: Any) -> None:
        self.reads += 1

    def provider(self) -> SecretsProvider:
        return SecretsProvider(boto3_client=self.client)


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def secrets(environment: pytest.MonkeyPatch) -> Iterator[Counting]:
    with mock_aws():
        yield Counting()


def source(secrets: Counting, time: Time | None = None) -> SecretsManagerKeys:
    return SecretsManagerKeys(stored(secrets), monotonic=time or Time(), now=lambda: NOW)


def stored(secrets: Counting) -> KeyRingSecret:
    return KeyRingSecret(SECRET, secrets.provider)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


async def with_first_key(keys: SecretsManagerKeys) -> Key:
    await keys.add_first_key()
    return await keys.writing_key()


def key(kid: str, age: timedelta) -> Key:
    return Key(kid, kid.encode().ljust(32, b"."), NOW - age)


def ring(*keys: Key) -> KeyRing:
    return KeyRing({one.kid: one for one in keys})


def test_key_ring_survives_a_round_trip() -> None:
    keys = ring(key("old", timedelta(days=90)), key("new", timedelta(0)))

    assert read_ring(write_ring(keys)) == keys


def test_key_ring_has_the_documented_form() -> None:
    assert json.loads(write_ring(ring(Key("k1", b"m" * 32, NOW)))) == {
        "keys": {
            "k1": {"material": "bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0=", "use_after": "2026-02-01T12:00:00.000Z"}
        }
    }


@pytest.mark.parametrize("text", [None, "", '{"keys": {}}'])
def test_empty_secret_is_an_empty_ring(text: str | None) -> None:
    assert read_ring(text) == KeyRing({})


@pytest.mark.parametrize(
    "text",
    [
        "canary",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": {"k": {}}}',
        '{"keys": {"k": {"material": "canary", "use_after": "2026-02-01T12:00:00Z"}}}',
        '{"keys": {"k": {"material": "bW1tbQ==", "use_after": "2026-02-01T12:00:00Z"}}}',
        '{"keys": {"k": {"material": "bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0=", "use_after": "2026-02-01"}}}',
        write_ring(KeyRing({"a:b": Key("a:b", b"m" * 32, NOW)})),
    ],
)
def test_broken_secret_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(TemporarilyUnavailableError) as refusal:
        read_ring(text)

    assert "canary" not in f"{refusal.value!r}{refusal.value.__cause__!r}"


def test_writers_use_the_newest_key_in_effect() -> None:
    keys = ring(key("old", timedelta(days=90)), key("new", timedelta(0)), key("next", -timedelta(seconds=1)))

    assert keys.writing_key(NOW).kid == "new"


def test_no_key_in_use_yet_is_an_error() -> None:
    with pytest.raises(EncryptionError):
        ring(key("next", -timedelta(seconds=1))).writing_key(NOW)


@pytest.mark.parametrize("value", [None, '{"keys": {}}'])
def test_first_key_is_added_to_an_empty_secret_and_used_at_once(secrets: Counting, value: str | None) -> None:
    secrets.client.create_secret(Name=SECRET, **({"SecretString": value} if value else {}))

    first = run(with_first_key(source(secrets)))

    stored = read_ring(secrets.client.get_secret_value(SecretId=SECRET)["SecretString"])
    assert stored.keys == {first.kid: first}
    assert first.use_after == NOW
    assert run(source(secrets).key(first.kid)) == first


def test_first_key_is_added_to_a_secret_that_is_read_without_boto3(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET)

    def read(secret_id: str) -> str:
        try:
            text: str = secrets.client.get_secret_value(SecretId=secret_id)["SecretString"]
        except ClientError as error:
            raise SecretRefusedError(error.response["Error"]["Code"]) from None
        return text

    keys = SecretsManagerKeys(KeyRingSecret(SECRET, secrets.provider, read), monotonic=Time(), now=lambda: NOW)

    assert run(with_first_key(keys)).use_after == NOW


def test_first_key_is_added_once(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')

    assert run(with_first_key(source(secrets))) == run(with_first_key(source(secrets)))


def test_encrypting_waits_for_the_first_key_and_never_makes_it(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')
    time = Time()
    writer = source(secrets, time)

    with pytest.raises(EncryptionError) as refusal:
        run(writer.writing_key())

    assert refusal.value.retry_after == 60
    assert secrets.client.get_secret_value(SecretId=SECRET)["SecretString"] == '{"keys": {}}'
    first = run(with_first_key(source(secrets)))
    time.seconds += 2
    assert run(writer.writing_key()) == first


def test_concurrent_first_writers_agree_on_one_key(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')
    one, other = source(secrets), source(secrets)

    async def race() -> tuple[Key, Key]:
        # Both have seen the empty ring before either writes.
        await one.ring()
        await other.ring()
        return await with_first_key(one), await with_first_key(other)

    first, second = run(race())
    assert first == second


def test_second_writer_with_a_stale_view_does_not_overwrite_the_first(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')
    second_read = list[bool]()

    def overtake(**_: Any) -> None:
        if not second_read:
            second_read.append(True)
            stored(secrets).add_first(key("one", timedelta(0)))

    secrets.client.meta.events.register("before-call.secretsmanager.PutSecretValue", overtake)
    stored(secrets).add_first(key("other", timedelta(0)))

    assert second_read
    assert run(source(secrets).writing_key()).kid == "one"


def test_reader_never_fills_the_secret(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')

    with pytest.raises(TemporarilyUnavailableError):
        run(source(secrets).key("k1"))

    assert secrets.client.get_secret_value(SecretId=SECRET)["SecretString"] == '{"keys": {}}'


def test_ring_is_cached_and_read_again_when_the_cache_expires(secrets: Counting) -> None:
    known = new_key(NOW)
    secrets.client.create_secret(Name=SECRET, SecretString=write_ring(ring(known)))
    time = Time()
    keys = source(secrets, time)

    async def use(times: int) -> None:
        for _ in range(times):
            await keys.key(known.kid)
            await keys.writing_key()

    async def scenario() -> tuple[int, int]:
        await use(10)
        warm = secrets.reads
        time.seconds += CACHE_SECONDS
        await use(10)
        return warm, secrets.reads

    assert run(scenario()) == (1, 2)


def test_unknown_key_id_forces_one_refresh(secrets: Counting) -> None:
    old, new = key("old", timedelta(days=1)), key("new", timedelta(0))
    secrets.client.create_secret(Name=SECRET, SecretString=write_ring(ring(old)))
    time = Time()
    keys = source(secrets, time)

    async def scenario() -> Key:
        await keys.key("old")
        secrets.client.put_secret_value(SecretId=SECRET, SecretString=write_ring(ring(old, new)))
        time.seconds += 2
        return await keys.key("new")

    assert run(scenario()) == new
    assert secrets.reads == 2


def test_account_key_is_known_although_the_ring_was_empty_a_moment_ago(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET)
    time = Time()
    reader = source(secrets, time)
    with pytest.raises(EncryptionError):
        run(reader.account_key())
    run(source(secrets).add_first_key())  # another environment does
    time.seconds += 2

    assert run(reader.account_key()) == run(source(secrets).account_key())


def test_concurrent_unknown_key_ids_share_one_refresh(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString=write_ring(ring(key("old", timedelta(days=1)))))
    time = Time()
    keys = source(secrets, time)

    async def scenario() -> list[Any]:
        await keys.key("old")
        time.seconds += 2
        return await asyncio.gather(*(keys.key(f"lost-{n}") for n in range(50)), return_exceptions=True)

    assert all(isinstance(answer, DecryptionError) for answer in run(scenario()))
    assert secrets.reads == 2


def test_missing_secret_is_temporarily_unavailable_for_writers(secrets: Counting) -> None:
    with pytest.raises(TemporarilyUnavailableError) as refusal:
        run(source(secrets).writing_key())

    assert refusal.value.members == {}


def test_access_denied_is_temporarily_unavailable(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString='{"keys": {}}')

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "canary"}}, "GetSecretValue")

    secrets.client.meta.events.register("before-call.secretsmanager.GetSecretValue", refuse)
    for work in (source(secrets).key("k1"), source(secrets).writing_key()):
        with pytest.raises(TemporarilyUnavailableError) as refusal:
            run(work)
        assert refusal.value.retry_after == 5
        assert "canary" not in f"{refusal.value!r}{refusal.value.__cause__!r}"


def test_refused_read_keeps_the_cached_ring() -> None:
    known, time, answers = new_key(NOW), Time(), list[str | SecretRefusedError]()
    answers.append(write_ring(ring(known)))

    def read(_secret_id: str) -> str:
        answer = answers[-1]
        if isinstance(answer, SecretRefusedError):
            raise answer
        return answer

    keys = SecretsManagerKeys(KeyRingSecret(SECRET, reader=read), monotonic=time, now=lambda: NOW)

    async def scenario() -> None:
        assert await keys.key(known.kid) == known
        answers.append(SecretRefusedError("AccessDeniedException"))
        time.seconds += CACHE_SECONDS
        with pytest.raises(TemporarilyUnavailableError) as refusal:
            await keys.key(known.kid)
        assert (type(refusal.value), refusal.value.retry_after) == (TemporarilyUnavailableError, 5)
        answers.pop()
        assert await keys.key(known.kid) == known

    run(scenario())


def test_unanswered_request_fails_before_the_function_times_out(environment: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        asked = time.monotonic()
        with pytest.raises(TemporarilyUnavailableError) as refusal:
            run(SecretsManagerKeys(KeyRingSecret(SECRET)).writing_key())

    longest_call = template()["Globals"]["Function"]["Timeout"]
    assert refusal.value.retry_after == 5
    assert time.monotonic() - asked < longest_call
    patience: Any = secrets_provider().client.meta.config
    longest = (patience.connect_timeout + patience.read_timeout) * patience.retries["total_max_attempts"]
    assert longest < longest_call


def test_event_loop_keeps_running_while_secrets_manager_is_read(secrets: Counting) -> None:
    secrets.client.create_secret(Name=SECRET, SecretString=write_ring(ring(key("k1", timedelta(0)))))
    go_on, released = threading.Event(), list[bool]()

    async def scenario() -> str:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()

        def hold(**_: Any) -> None:
            loop.call_soon_threadsafe(asked.set)
            released.append(go_on.wait(5))

        secrets.client.meta.events.register("before-call.secretsmanager.GetSecretValue", hold)
        reading = asyncio.create_task(source(secrets).key("k1"))
        await asked.wait()
        go_on.set()
        return (await reading).kid

    assert run(scenario()) == "k1"
    assert released == [True]
