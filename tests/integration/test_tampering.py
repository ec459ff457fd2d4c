"""Stored credentials that were changed or moved cannot be opened, disclose nothing, and do not affect other wallets."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from moniqo_core import bootstrap
from moniqo_core.credentials import key_source
from moniqo_core.credentials.key_ring import KeyRing, new_key, write_ring
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_source import FORCED_REFRESH_SECONDS
from moniqo_core.domain.clock import rfc3339, utc_now
from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Invoke, User, load_function
from tests.support.secret_search import find_secrets
from tests.support.venues.binance import FakeBinance
from tests.support.wallets import KEY_SECRET, aws, new_wallet

__all__ = ["aws"]

BINANCE = "binance-spot-v1"


class Vault:
    """Live wallets of two users, and what is stored for each."""

    def __init__(self, invoke: Invoke, db: Database, run: Run, venue: FakeBinance) -> None:
        self.invoke, self._wallets, self._run = invoke, db.user_wallets, run
        self.secrets: list[str] = []
        self.owners: dict[str, User] = {}
        for user in (TRADER, STRANGER, TRADER, STRANGER):
            credentials = venue.credentials(balances={"USDT": "1000"})
            self.secrets += credentials.values()
            body = new_wallet(wallet_id=BINANCE, credentials=credentials)
            made = invoke("create_wallet", "POST", "/wallets", user=user, body=body)
            assert made.status == 201, made.text
            self.owners[made.json["id"]] = user
        self.ciphertexts = {wallet: self.stored(wallet)["credentials"] for wallet in self.owners}

    def stored(self, wallet: str) -> dict[str, Any]:
        document = self._run(self._wallets.find_one({"_id": wallet}))
        assert document is not None
        return document

    def put(self, wallet: str, ciphertext: object) -> None:
        """Store other credentials in a wallet that is active and due for a sync."""
        self.change(wallet, credentials=ciphertext, status="active", synced_for=None)

    def change(self, wallet: str, **fields: object) -> None:
        """Change stored fields of a wallet directly in the database."""
        self._run(self._wallets.update_one({"_id": wallet}, {"$set": fields}))

    def test(self, wallet: str) -> Any:
        path = f"/wallets/{wallet}/test-connection"
        answer = self.invoke("test_connection", "POST", path, user=self.owners[wallet])
        assert answer.status == 200, answer.text
        return answer.json

    def sync(self) -> None:
        work = {"sync_id": "s", "scheduled_time": rfc3339(utc_now()), "user_wallet_ids": list(self.owners)}
        event = {"Records": [{"messageId": "m", "body": json.dumps(work)}]}
        assert load_function("sync_wallets").handler(event, None) == {"batchItemFailures": []}


@pytest.fixture
def vault(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke, run: Run) -> Iterator[Vault]:
    environment.setenv("LOOPBACK_VENUES", "true")
    bootstrap.settings.cache_clear()
    with FakeBinance() as venue:
        config = {"base_url": venue.url, "rate_limits": {"requests_per_second": 1000}}
        path = f"/wallets/definitions/{BINANCE}"
        assert invoke("update_definition", "PATCH", path, user=ADMIN, body={"api_config": config}).status == 200
        yield Vault(invoke, seeded, run, venue)


def test_wallet_does_not_open_with_the_ciphertext_of_another(vault: Vault) -> None:
    for wallet, other in itertools.permutations(vault.owners, 2):
        vault.put(wallet, vault.ciphertexts[other])
        answer = vault.test(wallet)
        assert (answer["success"], answer["error_message"]) == (False, "Invalid credentials"), (wallet, other)
        assert vault.stored(wallet)["status"] == "error"
        vault.put(wallet, vault.ciphertexts[wallet])
        assert vault.test(wallet)["success"]


def flipped(token: str) -> str:
    version, kid, text = token.split(":")
    raw = bytearray(base64.urlsafe_b64decode(text))
    raw[len(raw) // 2] ^= 1
    return f"{version}:{kid}:{base64.urlsafe_b64encode(raw).decode()}"


BROKEN: dict[str, Callable[[str], object]] = {
    "cut short": lambda token: token[:-20],
    "cut to its head": lambda token: token[:30],
    "empty": lambda _: "",
    "only the token": lambda token: token.rpartition(":")[2],
    "another version": lambda token: "v2" + token[2:],
    "another version of Fernet": lambda token: token.replace(":gAAAA", ":hAAAA"),
    "a key of another ring": lambda token: f"v1:{'0' * 16}:{token.rpartition(':')[2]}",
    "no key": lambda token: f"v1::{token.rpartition(':')[2]}",
    "a bit flipped": flipped,
    "not ASCII": lambda token: token + "é",
    "twice": lambda token: token + token,
    "plain text": lambda _: '{"api_key": "x", "api_secret": "y"}',
    "no text at all": lambda token: {"$binary": token},
}


def test_changed_ciphertext_does_not_open_and_shows_nothing(vault: Vault, capfd: pytest.CaptureFixture[str]) -> None:
    wallet, *others = vault.owners
    user, path = vault.owners[wallet], f"/wallets/{wallet}"
    ciphertext = vault.ciphertexts[wallet]
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
    shown: list[str] = []
    for name, change in BROKEN.items():
        vault.put(wallet, change(ciphertext))
        vault.sync()
        assert vault.stored(wallet)["status"] == "error", name
        assert [vault.stored(other)["status"] for other in others] == ["active"] * len(others), "others are held up"
        vault.put(wallet, change(ciphertext))
        answer = vault.test(wallet)
        assert (answer["success"], answer["error_message"]) == (False, "Invalid credentials"), name
        assert vault.stored(wallet)["status"] == "error", name
        shown.append(json.dumps(answer))
        for function, method, suffix, body in (
            ("get_wallet", "GET", "", None),
            ("get_balance", "GET", "/balance", None),
            ("sync_balance", "POST", "/sync-balance", None),
            ("place_order", "POST", "/orders", order),
        ):
            reply = vault.invoke(function, method, path + suffix, user=user, body=body)
            assert reply.status < 500, (name, function, reply.text)
            shown.append(reply.text)
    wrote = capfd.readouterr()
    assert wrote.out.count('"message": "request"') > len(BROKEN)
    assert (
        find_secrets([*vault.secrets, ciphertext.rpartition(":")[2]], [("", text) for text in [*shown, wrote.out]])
        == []
    )

    given = {"credentials": {"api_key": "none", "api_secret": "none"}}
    assert vault.invoke("replace_credentials", "PUT", f"{path}/credentials", user=user, body=given).status == 422
    vault.put(wallet, ciphertext)
    assert vault.test(wallet)["success"], "what is mended works"


def test_paused_wallet_stays_paused_when_its_credentials_do_not_open(vault: Vault) -> None:
    wallet = next(iter(vault.owners))
    answer = vault.invoke("pause_wallet", "POST", f"/wallets/{wallet}/pause", user=vault.owners[wallet], body={})
    assert answer.status == 200
    vault.change(wallet, credentials="v1:x:gAAAA")
    assert not vault.test(wallet)["success"]
    assert vault.stored(wallet)["status"] == "paused"


def test_unknown_key_is_looked_up_once_and_then_refused(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    wallet = next(iter(vault.owners))
    reads: list[KeyRing] = []
    read = KeyRingSecret.read

    def counted(stored: KeyRingSecret) -> KeyRing:
        reads.append(read(stored))
        return reads[-1]

    monkeypatch.setattr(KeyRingSecret, "read", counted)
    time.sleep(FORCED_REFRESH_SECONDS)
    vault.put(wallet, BROKEN["a key of another ring"](vault.ciphertexts[wallet]))
    for _ in range(3):
        assert vault.test(wallet)["error_message"] == "Invalid credentials"
    assert len(reads) == 1


def test_foreign_key_ring_opens_nothing_and_restoring_it_recovers(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_source, "CACHE_SECONDS", 0.0)
    secrets = boto3.client("secretsmanager")
    ring = secrets.get_secret_value(SecretId=KEY_SECRET)["SecretString"]
    (kid,) = json.loads(ring)["keys"]
    other = new_key(utc_now())
    # One does not know the key, the other has something else under its name.
    for wrong in (KeyRing({other.kid: other}), KeyRing({kid: replace(other, kid=kid)})):
        secrets.put_secret_value(SecretId=KEY_SECRET, SecretString=write_ring(wrong))
        for wallet in vault.owners:
            assert vault.test(wallet)["error_message"] == "Invalid credentials"
    secrets.put_secret_value(SecretId=KEY_SECRET, SecretString=ring)
    vault.sync()
    assert {vault.stored(wallet)["status"] for wallet in vault.owners} == {"active"}
