"""One account at a venue, one wallet of a user: connecting, replacing credentials, deleting, and older duplicates.

``RACES=200`` runs longer races.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest
from pydantic import SecretStr

from moniqo_core import bootstrap, cli, event_loop
from moniqo_core.bootstrap.order_services import order_opener
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.domain.errors import ConflictError, WalletError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.http.schemas.wallets.requests import CreateWalletRequest
from moniqo_core.services.wallets.requests import NewWallet
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
from tests.conftest import Database, Run, forget
from tests.support.clock import put_clock_forward
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Answer, Invoke, User, load_function
from tests.support.live_harness import BINANCE, BUY, live_deployment
from tests.support.secret_search import find_secrets, texts_in
from tests.support.venues.binance import FakeBinance
from tests.support.venues.bybit import FakeBybit
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.server import FakeVenue
from tests.support.wallets import KEY_SECRET, aws, new_wallet

__all__ = ["aws"]

RACES: Final = int(os.environ.get("RACES", "6"))
SEED: Final = int(os.environ.get("RACE_SEED", "20261130"))
AT_ONCE: Final = 4
SALE: Final[dict[str, Any]] = {"type": "market", "side": "sell", "price": None, "amount": "0.01"}
VENUES: Final[dict[str, Callable[[], FakeVenue]]] = {
    BINANCE: FakeBinance,
    "bybit-spot-v1": FakeBybit,
    "coinbase-advanced-v1": FakeCoinbase,
    "kraken-spot-v1": FakeKraken,
}
Credentials = dict[str, str]


@pytest.fixture
def venue(aws: None, seeded: Database, environment: pytest.MonkeyPatch) -> Iterator[FakeVenue]:
    environment.setenv("WALLETS_PER_USER", "1000")  # a refused connection keeps its slot for a minute
    with live_deployment(environment) as fake:
        yield fake


class Caller:
    """The calls that tests make, and the database."""

    def __init__(self, invoke: Invoke, database: Database, run: Run) -> None:
        self.invoke = invoke
        self.database = database
        self.run = run

    def connect(self, credentials: Credentials, user: User = TRADER, slug: str = BINANCE, **given: Any) -> Answer:
        body = new_wallet(wallet_id=slug, credentials=credentials)
        return self.invoke("create_wallet", "POST", "/wallets", user=user, body=body, **given)

    def connected(self, credentials: Credentials, **given: Any) -> str:
        answer = self.connect(credentials, **given)
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    def replace(self, wallet: str, credentials: Credentials) -> Answer:
        body = {"credentials": credentials}
        return self.invoke("replace_credentials", "PUT", f"/wallets/{wallet}/credentials", user=TRADER, body=body)

    def place(self, wallet: str, **order: Any) -> Answer:
        body = {name: value for name, value in (BUY | order).items() if value is not None}
        return self.invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=TRADER, body=body)

    def delete(self, wallet: str, **query: str) -> Answer:
        return self.invoke("delete_wallet", "DELETE", f"/wallets/{wallet}", user=TRADER, query=query)

    def admin(self, wallet: str, action: str) -> None:
        path = f"/wallets/{wallet}/{action}"
        answer = self.invoke(f"{action}_wallet", "POST", path, user=ADMIN, body={"reason": "a look"})
        assert answer.status == 200, answer.text

    def stored(self, wallet: str) -> dict[str, Any]:
        (found,) = self.run(self.database.user_wallets.find({"_id": wallet}).to_list())
        return dict(found)

    def forget_fingerprints(self, *wallets: str) -> None:
        """Make wallets as version 0.1.0 stored them."""
        fields = {"account_fingerprints": "", "account_duplicate": ""}
        self.run(self.database.user_wallets.update_many({"_id": {"$in": list(wallets)}}, {"$unset": fields}))

    def duplicates(self, venue: FakeVenue, count: int = 2) -> list[str]:
        """Connect one account several times, as version 0.1.0 allowed, and complete the fingerprints."""
        credentials = venue.credentials()
        wallets = [self.connected(credentials), *(self.connected(venue.credentials()) for _ in range(count - 1))]
        for key in set(venue.exchange.accounts) - {credentials["api_key"]}:
            del venue.exchange.accounts[key]
        fields = {name: SecretStr(value) for name, value in credentials.items()}
        for wallet in wallets:
            token = self.run(bootstrap.cipher().encrypt(fields, TRADER.id, wallet))
            self.run(self.database.user_wallets.update_one({"_id": wallet}, {"$set": {"credentials": token}}))
        self.forget_fingerprints(*wallets)
        load_function("reencrypt_credentials").handler({}, None)
        return wallets


@pytest.fixture
def caller(invoke: Invoke, seeded: Database, run: Run) -> Caller:
    return Caller(invoke, seeded, run)


def second_key(venue: FakeVenue, credentials: Credentials) -> Credentials:
    """Return another key of the same account."""
    return venue.credentials(id=venue.exchange.accounts[credentials["api_key"]].id)


def assert_taken(answer: Answer, holder: str) -> None:
    assert (answer.status, answer.json.get("code")) == (409, "CONFLICT"), answer.text
    assert answer.json["user_wallet_id"] == holder
    assert holder in answer.json["hint"]


def test_account_is_connected_once_per_user(venue: FakeVenue, caller: Caller) -> None:
    credentials = venue.credentials()
    first = caller.connected(credentials)

    assert_taken(caller.connect(credentials), first)
    listed = caller.invoke("list_wallets", "GET", "/wallets", user=TRADER).json["items"]
    assert [wallet["id"] for wallet in listed] == [first]
    caller.connected(credentials, user=STRANGER)
    caller.connected(venue.credentials())


@pytest.mark.parametrize("slug", VENUES)
def test_other_key_of_the_same_account_is_not_connected(
    aws: None, caller: Caller, environment: pytest.MonkeyPatch, slug: str
) -> None:
    with live_deployment(environment, VENUES[slug](), slug) as venue:
        credentials = venue.credentials()
        first = caller.connected(credentials, slug=slug)

        assert_taken(caller.connect(second_key(venue, credentials), slug=slug), first)


def test_suspended_account_is_not_connected_anew(venue: FakeVenue, caller: Caller) -> None:
    credentials, other = venue.credentials(), venue.credentials()
    wallet = caller.connected(credentials)
    caller.admin(wallet, "suspend")

    refused = caller.connect(second_key(venue, credentials))
    assert_taken(refused, wallet)
    assert "admin" in refused.json["hint"]
    for answer in (caller.delete(wallet), caller.delete(wallet, force="true"), caller.replace(wallet, other)):
        assert (answer.status, answer.json["code"]) == (409, "WALLET_SUSPENDED"), answer.text
    assert_taken(caller.connect(credentials), wallet)
    assert caller.replace(wallet, second_key(venue, credentials)).status == 200

    caller.admin(wallet, "reinstate")
    assert caller.delete(wallet).status == 204
    caller.connected(credentials)


def test_refused_deletion_of_a_suspended_wallet_cancels_no_order(venue: FakeVenue, caller: Caller) -> None:
    wallet = caller.connected(venue.credentials())
    order = caller.place(wallet).json["order_id"]
    caller.admin(wallet, "suspend")

    for query in ({}, {"force": "true"}):
        answer = caller.delete(wallet, **query)
        assert (answer.status, answer.json["code"]) == (409, "WALLET_SUSPENDED"), answer.text
    shown = caller.invoke("get_order", "GET", f"/wallets/{wallet}/orders/{order}", user=TRADER)
    assert shown.json["status"] == "open"


def test_repeated_creation_is_answered_with_its_wallet(venue: FakeVenue, caller: Caller) -> None:
    credentials, headers = venue.credentials(), {"Idempotency-Key": "one"}
    first = caller.connected(credentials, headers=headers)

    again = caller.connect(credentials, headers=headers)

    assert (again.status, again.json["id"]) == (200, first)
    assert_taken(caller.connect(credentials, headers={"Idempotency-Key": "two"}), first)


def test_deleted_wallet_frees_its_account(venue: FakeVenue, caller: Caller) -> None:
    credentials = venue.credentials()
    first = caller.connected(credentials)
    assert caller.delete(first).status == 204

    assert caller.connected(credentials) != first


def test_credentials_of_another_wallets_account_are_refused(venue: FakeVenue, caller: Caller) -> None:
    credentials, others = venue.credentials(), venue.credentials()
    first, second = caller.connected(credentials), caller.connected(others)
    before = caller.stored(second)

    for given in (credentials, second_key(venue, credentials)):
        assert_taken(caller.replace(second, given), first)
    assert caller.stored(second) == before

    assert caller.replace(first, second_key(venue, credentials)).status == 200
    assert caller.replace(first, venue.credentials()).status == 200, "another account"
    assert caller.replace(second, credentials).status == 200, "which is free now"
    caller.connected(others)


def test_fingerprints_tell_nothing_without_the_key_ring(venue: FakeVenue, caller: Caller) -> None:
    credentials = venue.credentials(id="123456789")
    stored = caller.stored(caller.connected(credentials))

    fingerprints = stored.get("account_fingerprints", [])
    assert len(fingerprints) == 2
    assert find_secrets([*credentials.values(), "123456789"], texts_in(fingerprints)) == []
    plain = (credentials["api_key"], "123456789", f"{TRADER.id}{credentials['api_key']}")
    assert not {hashlib.sha256(text.encode()).hexdigest() for text in plain} & {
        each.partition(":")[2] for each in fingerprints
    }


def test_account_stays_known_after_the_first_key_has_left_the_ring(
    venue: FakeVenue, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = venue.credentials()
    wallet = caller.connected(credentials)
    (first,) = KeyRingSecret(KEY_SECRET).read().keys

    for hours in range(1, 6):
        caller.run(bootstrap.key_rotation().run_all())
        put_clock_forward(monkeypatch, timedelta(hours=hours))
        forget()  # the key ring is cached
        caller.run(bootstrap.reencryption().run(60))

    assert first not in KeyRingSecret(KEY_SECRET).read().keys
    assert_taken(caller.connect(credentials), wallet)


def test_account_of_an_older_wallet_is_recognised(venue: FakeVenue, caller: Caller) -> None:
    credentials = venue.credentials()
    first = caller.connected(credentials)
    caller.forget_fingerprints(first)
    caller.admin(first, "suspend")

    assert_taken(caller.connect(credentials), first)
    assert len(caller.stored(first)["account_fingerprints"]) == 1


def test_account_of_an_older_wallet_is_not_taken_by_new_credentials(venue: FakeVenue, caller: Caller) -> None:
    credentials = venue.credentials()
    first, second = caller.connected(credentials), caller.connected(venue.credentials())
    caller.forget_fingerprints(first)

    assert_taken(caller.replace(second, credentials), first)


def test_fingerprint_of_replaced_credentials_is_not_stored(venue: FakeVenue, caller: Caller) -> None:
    wallet = caller.connected(venue.credentials())
    read = caller.run(bootstrap.user_wallets().get(TRADER.id, wallet))
    assert caller.replace(wallet, venue.credentials()).status == 200
    before = caller.stored(wallet)

    assert caller.run(VenueAccounts(caller.database).store(read, ["key:of-before"])) is False
    assert caller.stored(wallet) == before


def test_wallets_without_fingerprints_share_no_account(venue: FakeVenue, caller: Caller) -> None:
    wallets = [caller.connected(venue.credentials()) for _ in range(2)]
    caller.forget_fingerprints(*wallets)

    assert [caller.place(wallet).status for wallet in wallets] == [201, 201]


def test_wallet_that_cannot_be_decrypted_does_not_prevent_connecting(venue: FakeVenue, caller: Caller) -> None:
    first = caller.connected(venue.credentials())
    caller.forget_fingerprints(first)
    caller.run(caller.database.user_wallets.update_one({"_id": first}, {"$set": {"credentials": "v1:gone:x"}}))

    caller.connected(venue.credentials())


def test_of_duplicates_only_the_oldest_trades(venue: FakeVenue, caller: Caller) -> None:
    oldest, second, third = caller.duplicates(venue, 3)
    placed = caller.place(oldest)
    assert placed.status == 201, placed.text

    for wallet in (second, third):
        for order in (BUY, SALE):
            assert_taken(caller.place(wallet, **order), oldest)
        closed = caller.invoke(
            "close_position", "POST", f"/wallets/{wallet}/positions/close", user=TRADER, query={"symbol": "BTC/USDT"}
        )
        assert_taken(closed, oldest)
        path = f"/wallets/{wallet}/orders/preflight"
        rules = caller.invoke("preflight_order", "POST", path, user=TRADER, body=BUY).json["rules"]
        (rule,) = [rule for rule in rules if rule["rule"] == "status"]
        assert (rule["result"], rule["code"]) == ("failed", "CONFLICT")

    assert caller.delete(oldest, force="true").status == 204
    assert caller.place(second).status == 201
    assert_taken(caller.place(third), second)
    assert_taken(caller.connect({**next_credentials(venue)}), second)


def next_credentials(venue: FakeVenue) -> Credentials:
    """Return the key that every duplicate has."""
    (account,) = venue.exchange.accounts.values()
    return {"api_key": account.key, "api_secret": account.secret}


@pytest.mark.parametrize("suspended", [0, 1])
def test_no_duplicate_trades_while_one_is_suspended(venue: FakeVenue, caller: Caller, suspended: int) -> None:
    wallets = caller.duplicates(venue)
    resting = caller.place(wallets[0]).json["order_id"]
    caller.admin(wallets[suspended], "suspend")

    for wallet in wallets:
        for order in (BUY, SALE):
            refused = caller.place(wallet, **order)
            assert (refused.status, refused.json.get("code")) == (409, "WALLET_SUSPENDED"), refused.text
    other = caller.place(wallets[1 - suspended]).json
    assert other["user_wallet_id"] == wallets[suspended]
    path = f"/wallets/{wallets[0]}/orders/{resting}"
    assert caller.invoke("cancel_order", "DELETE", path, user=TRADER).status == 200

    caller.admin(wallets[suspended], "reinstate")
    assert caller.place(wallets[0]).status == 201


def test_duplicate_trades_once_it_has_another_account(venue: FakeVenue, caller: Caller) -> None:
    oldest, second = caller.duplicates(venue)

    assert caller.replace(second, venue.credentials()).status == 200

    assert caller.stored(second)["account_duplicate"] is None
    assert caller.place(second).status == 201
    assert caller.place(oldest).status == 201


def test_completing_fingerprints_again_changes_nothing(venue: FakeVenue, caller: Caller) -> None:
    wallets = caller.duplicates(venue)
    before = [caller.stored(wallet) for wallet in wallets]

    load_function("reencrypt_credentials").handler({}, None)

    assert [caller.stored(wallet) for wallet in wallets] == before


def request_for(credentials: Credentials) -> NewWallet:
    body = json.dumps(new_wallet(wallet_id=BINANCE, credentials=credentials))
    return CreateWalletRequest.model_validate(json.loads(body, parse_float=Decimal)).to_new_wallet()


def admin(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """Run ``moniqo-admin`` with connections of its own, and return its exit code and what it printed."""
    forget()
    capsys.readouterr()
    code = cli.main(list(words))
    forget()
    return code, capsys.readouterr().out.splitlines()


def fingerprints_of(lines: list[str]) -> str:
    """Return what the migration of fingerprints did. A test that runs alone also gets lines of the log."""
    return next(line for line in lines if line.startswith("3 "))


def test_duplicates_are_listed_with_what_each_may_do(
    venue: FakeVenue, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    oldest, second = caller.duplicates(venue)
    caller.connected(venue.credentials())

    code, lines = admin(capsys, "accounts", "duplicates")
    shown = [line.split() for line in lines]
    assert code == 1
    assert [row[0] for row in shown[-3:-1]] == [oldest, second]
    assert [row[1] for row in shown[-3:-1]] == [TRADER.id, TRADER.id]
    assert [" ".join(row[4:]) for row in shown[-3:-1]] == ["trades", "cancels only"]
    assert lines[-1] == "1 venue account with several wallets."
    assert fingerprints_of(admin(capsys, "migrate")[1]).endswith("Accounts with several wallets: 1.")

    assert caller.delete(second).status == 204
    assert admin(capsys, "accounts", "duplicates") == (0, ["No two wallets of a user share an account."])


def test_migration_asks_venues_for_the_account_of_older_wallets(
    venue: FakeVenue, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = venue.credentials()
    older, silent = caller.connected(credentials), caller.connected(venue.credentials())
    caller.forget_fingerprints(older, silent)
    list(venue.exchange.accounts.values())[-1].revoked = True
    caller.admin(older, "suspend")

    code, lines = admin(capsys, "migrate")

    result = "API keys: 2. Cannot be read: 0. Account ids: 1. Not found out: 1. Accounts with several wallets: 0."
    assert (code, fingerprints_of(lines)) == (0, f"3 account fingerprints: {result}")
    assert admin(capsys, "migrate") == (0, ["Every migration of this release has run."])
    again = "API keys: 0. Cannot be read: 0. Account ids: 0. Not found out: 1. Accounts with several wallets: 0."
    code, lines = admin(capsys, "migrate", "--again", "3")
    assert (code, fingerprints_of(lines)) == (0, f"3 account fingerprints: {again}")
    assert_taken(caller.connect(second_key(venue, credentials)), older)


async def attempt(work: Any) -> str | None:
    """Return the id of the wallet that a request connected, None if it was refused."""
    with suppress(WalletError):
        done = await work
        return str(getattr(done, "wallet", done).id)
    return None


def test_of_concurrent_connections_of_an_account_exactly_one_is_made(venue: FakeVenue, caller: Caller) -> None:
    rng = Random(SEED)
    for _ in range(RACES):
        credentials = venue.credentials()
        keys = [credentials, *(second_key(venue, credentials) for _ in range(AT_ONCE - 1))]
        chosen = [rng.choice(keys) for _ in range(AT_ONCE)]
        requests = [request_for(given) for given in chosen]

        async def race(requests: list[Any] = requests) -> list[str | None]:
            work = [attempt(bootstrap.wallet_creation().create(TRADER.id, request)) for request in requests]
            return await asyncio.gather(*work)

        made = [wallet for wallet in event_loop.run(race()) if wallet is not None]
        assert len(made) == 1
        assert caller.delete(made[0]).status == 204


def test_of_a_connection_and_a_replacement_at_once_one_gets_the_account(venue: FakeVenue, caller: Caller) -> None:
    wallet = caller.connected(venue.credentials())
    for _ in range(RACES):
        credentials = venue.credentials()
        request = request_for(credentials)
        secrets = {name: SecretStr(value) for name, value in credentials.items()}

        async def race(request: Any = request, secrets: Any = secrets) -> tuple[str | None, str | None]:
            return await asyncio.gather(
                attempt(bootstrap.wallet_creation().create(TRADER.id, request)),
                attempt(bootstrap.wallet_connection().replace(TRADER.id, wallet, secrets)),
            )

        made = event_loop.run(race())
        assert sum(each is not None for each in made) == 1
        if made[0] is not None:
            assert caller.delete(made[0]).status == 204


def test_concurrent_repeats_of_a_connection_make_one_wallet(venue: FakeVenue, caller: Caller) -> None:
    for number in range(RACES):
        request = request_for(venue.credentials())

        async def race(request: NewWallet = request, key: str = f"key-{number}") -> list[tuple[str, bool]]:
            create = bootstrap.wallet_creation().create
            made = await asyncio.gather(*(create(TRADER.id, request, key) for _ in range(AT_ONCE)))
            return [(each.wallet.id, each.replayed) for each in made]

        made = event_loop.run(race())
        assert len({wallet for wallet, _ in made}) == 1
        assert sorted(replayed for _, replayed in made) == [False] + [True] * (AT_ONCE - 1)


def test_account_is_free_or_taken_while_its_wallet_is_deleted(venue: FakeVenue, caller: Caller) -> None:
    credentials = venue.credentials()
    wallet = caller.connected(credentials)
    for _ in range(RACES):

        async def race(wallet: str = wallet) -> str | None:
            deleting = bootstrap.wallet_changes().delete(TRADER.id, wallet, force=False)
            request = request_for(credentials)
            made, _ = await asyncio.gather(attempt(bootstrap.wallet_creation().create(TRADER.id, request)), deleting)
            return made

        wallet = event_loop.run(race()) or caller.connected(credentials)
        assert_taken(caller.connect(credentials), wallet)


def test_account_that_is_connected_during_a_rotation_stays_known(
    venue: FakeVenue, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rotation begins beside the first connection, so the ring is made in the race, too."""
    connected: dict[str, Credentials] = {}
    for hours in range(1, 5):
        credentials = venue.credentials()

        async def race(credentials: Credentials = credentials) -> str | None:
            request = request_for(credentials)
            made, _ = await asyncio.gather(
                attempt(bootstrap.wallet_creation().create(TRADER.id, request)), bootstrap.key_rotation().run_all()
            )
            return made

        wallet = event_loop.run(race())
        assert wallet is not None
        connected[wallet] = credentials
        put_clock_forward(monkeypatch, timedelta(hours=hours))
        forget()  # the key ring is cached
        caller.run(bootstrap.reencryption().run(60))
        for holder, given in connected.items():
            assert_taken(caller.connect(given), holder)


def test_wallet_that_is_suspended_while_its_credentials_are_replaced_keeps_its_account(
    venue: FakeVenue, caller: Caller
) -> None:
    wallet, others = caller.connected(venue.credentials()), venue.credentials()
    before = caller.stored(wallet)
    go_on = threading.Event()

    async def race() -> None:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()

        def hold(_: object, key: str | None) -> None:
            """Keep the answer to the new key until the wallet is suspended."""
            if key == others["api_key"]:
                loop.call_soon_threadsafe(asked.set)
                go_on.wait(10)

        venue.trouble = hold
        secrets = {name: SecretStr(value) for name, value in others.items()}
        replacing = asyncio.create_task(bootstrap.wallet_connection().replace(TRADER.id, wallet, secrets))
        await asyncio.wait_for(asked.wait(), 10)
        await bootstrap.wallet_lifecycle().suspend(wallet, "a look")
        go_on.set()
        with pytest.raises(ConflictError):
            await replacing

    event_loop.run(race())
    venue.mend()
    after = caller.stored(wallet)
    assert after["status"] == "suspended"
    for name in ("credentials", "account_fingerprints", "credentials_version"):
        assert after[name] == before[name]
    assert caller.connect(others).status == 201


async def place(wallet: str) -> None:
    """Place a small resting purchase, whatever comes of it."""
    order = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=Decimal(40000))
    with suppress(WalletError):
        execution = await order_opener().open_to_trade(TRADER.id, wallet, None)
        await execution.place(order)


def test_no_order_of_a_duplicate_goes_out_after_a_suspension_was_answered(venue: FakeVenue, caller: Caller) -> None:
    rng = Random(SEED)
    oldest, second = caller.duplicates(venue)
    (account,) = venue.exchange.accounts.values()
    for _ in range(RACES):
        venue.latency = 0.3

        async def race(wait: float) -> int:
            placing = [asyncio.create_task(place(oldest)) for _ in range(2)]
            await asyncio.sleep(wait)
            await bootstrap.wallet_lifecycle().suspend(second, "a look")
            answered = len(account.orders)
            await asyncio.gather(*placing)
            return len(account.orders) - answered

        assert event_loop.run(race(rng.uniform(0, 1.2))) == 0
        venue.latency = 0
        caller.admin(second, "reinstate")


def test_key_store_outage_connects_nothing(venue: FakeVenue, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = venue.credentials()
    monkeypatch.setenv("KEY_SECRET_ID", "moniqo/missing")
    bootstrap.settings.cache_clear()

    answer = caller.connect(credentials)

    assert (answer.status, answer.json["code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert caller.run(caller.database.user_wallets.count_documents({})) == 0
