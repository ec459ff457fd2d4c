"""The release before and the present one write the same wallets at once, are rolled back, and forward again.

A deployment moves requests from one release to the next, so for a while both write one journal. After each round, no
accepted order is missing, repeats are answered as before, everything can be read, and the journal replays.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from tests.conftest import Database, Run
from tests.support.aws_server import aws_server
from tests.support.lambdas import ADMIN, ROOT, TRADER, Answer
from tests.support.live_harness import BINANCE
from tests.support.releases import Release, RunningRelease, code_before
from tests.support.venues.binance import FakeBinance
from tests.support.wallets import KEY_SECRET, new_wallet

STEPS: Final = 16
REPEATS: Final = 8
READS: Final = ("get_wallet", "get_balance /balance", "list_orders /orders", "list_positions /positions")
READS_OF: Final = {
    "paper": (*READS, "list_trades /trades", "get_ledger /ledger", "get_performance /performance"),
    "live": (*READS, "list_trades /trades", "get_sync_log /sync-log"),
}
LIMITS: Final = {
    "max_position_size_usd": 3000,
    "max_total_exposure_usd": 9000,
    "max_open_positions": 9,
    "daily_loss_limit_usd": 9000,
}
REFUSALS: Final = {
    *("INSUFFICIENT_BALANCE", "RISK_LIMIT_EXCEEDED", "WALLET_PAUSED", "WALLET_SUSPENDED", "CONFLICT"),
    *("ORDER_ALREADY_FILLED", "ORDER_ALREADY_CLOSED", "ORDER_CHANGED", "ORDER_REJECTED", "REPLACE_NOT_SUPPORTED"),
}


@dataclass
class Life:
    """A wallet, and the accepted orders: their bodies and order ids by client order id."""

    kind: str
    wallet: str
    accepted: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/wallets/{self.wallet}"


class Owner:
    """Does what an owner or an admin of wallets may do, by one release."""

    def __init__(self, release: RunningRelease, drawn: random.Random) -> None:
        self._release = release
        self._drawn = drawn

    def live(self, life: Life) -> None:
        """Take a number of drawn steps."""
        steps: list[Callable[[Life], None]] = [self._place] * 8
        steps += [self._cancel, self._cancel, self._replace, self._limit, self._limit, self._pause, self._suspend]
        for _ in range(STEPS):
            self._drawn.choice(steps)(life)

    def _call(self, function: str, method: str, path: str, **given: Any) -> Answer:
        """Call a function, and assert that the answer is a success or a refusal that has a reason."""
        answer = self._release.call(function, method, path, **({"user": TRADER} | given))
        assert answer.status < 300 or answer.json["code"] in REFUSALS, (self._release.name, function, answer.text)
        return answer

    def _price(self) -> str:
        return str(self._drawn.randrange(9_000, 30_000))

    def _place(self, life: Life) -> None:
        order = self._drawn.choice(
            [
                *[{"type": "market", "side": "buy", "amount": "0.001"}] * 3,
                {"type": "market", "side": "sell", "amount": "0.001"},
                {"type": "limit", "side": "buy", "amount": "0.001", "price": self._price()},
                {"type": "limit", "side": "sell", "amount": "0.001", "price": "200000"},
            ]
        )
        name = f"{self._release.name}-{self._drawn.getrandbits(64):x}"
        body = {"symbol": "BTC/USDT", "client_order_id": name, **order}
        answer = self._call("place_order", "POST", f"{life.path}/orders", body=body)
        if answer.status == 201:
            life.accepted[name] = body, answer.json["order_id"]

    def _order_of(self, life: Life) -> str:
        ids = [order_id for _, order_id in list(life.accepted.values())]
        return f"{life.path}/orders/{self._drawn.choice(ids[-10:] or ['all'])}"

    def _cancel(self, life: Life) -> None:
        if life.accepted:
            self._call("cancel_order", "DELETE", self._order_of(life))

    def _replace(self, life: Life) -> None:
        if life.accepted:
            self._call("replace_order", "PATCH", self._order_of(life), body={"price": self._price()})

    def _limit(self, life: Life) -> None:
        name, value = self._drawn.choice([("max_position_size_usd", 2500), ("max_open_positions", 5)])
        limits = {name: value + self._drawn.randrange(4)}
        self._call("update_wallet", "PATCH", life.path, body={"risk_limits": limits})

    def _pause(self, life: Life) -> None:
        body = {"level": self._drawn.choice(["reduce_only", "full"]), "keep_orders": self._drawn.choice([True, False])}
        self._call("pause_wallet", "POST", f"{life.path}/pause", body=body)
        self._place(life)
        self._call("resume_wallet", "POST", f"{life.path}/resume", body={"confirm": True})

    def _suspend(self, life: Life) -> None:
        for action in ("suspend", "reinstate"):
            body = {"reason": "a look"}
            self._call(f"{action}_wallet", "POST", f"{life.path}/{action}", user=ADMIN, body=body)


def check(life: Life, release: RunningRelease, drawn: random.Random) -> None:
    """Assert that a release reads everything, has every accepted order once, and answers some repeats as before."""
    for read in READS_OF[life.kind]:
        function, _, path = read.partition(" ")
        answer = release.call(function, "GET", life.path + path, user=TRADER)
        assert answer.status == 200, (release.name, function, answer.text)
    assert named_orders(life, release) == {name: order_id for name, (_, order_id) in life.accepted.items()}
    for body, order_id in drawn.sample([*life.accepted.values()], min(REPEATS, len(life.accepted))):
        answer = release.call("place_order", "POST", f"{life.path}/orders", user=TRADER, body=body)
        assert (answer.status, answer.json.get("order_id")) == (200, order_id), (release.name, answer.text)


def named_orders(life: Life, release: RunningRelease) -> Mapping[str, str]:
    """Return the ids of all orders by client order id. No client order id may be there twice."""
    found: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        query = {"limit": 100, **cursor}
        answer = release.call("list_orders", "GET", f"{life.path}/orders", user=TRADER, query=query)
        assert answer.status == 200, answer.text
        # An intent that a change overtook was never sent. It is rejected, and the same request is decided anew.
        orders = [order for order in answer.json["items"] if order["status"] != "rejected"]
        found += [(order["client_order_id"], order["order_id"]) for order in orders]
        if not answer.json["next_cursor"]:
            break
        cursor = {"cursor": answer.json["next_cursor"]}
    assert len(found) == len(dict(found)), found
    return dict(found)


@pytest.fixture
def releases(
    seeded: Database, mongo_url: str, run: Run, tmp_path: Path
) -> Iterator[tuple[FakeBinance, Release, Release]]:
    """A fake venue with the release before and the present one, which share a database and an account at AWS."""
    with aws_server() as aws, FakeBinance() as venue:
        config = {"base_url": venue.url, "rate_limits": {"requests_per_second": 1000}}
        run(seeded.wallets.update_one({"slug": BINANCE}, {"$set": {"api_config": config, "is_active": True}}))
        boto3.client("secretsmanager", endpoint_url=aws).create_secret(Name=KEY_SECRET, SecretString='{"keys": {}}')
        variables = {
            "MONGODB_URL": mongo_url,
            "MONGODB_DATABASE": seeded.name,
            "AWS_ENDPOINT_URL": aws,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "ENVIRONMENT": "test",
            "JWT_ISSUER": "https://issuer.example.test/pool",
            "JWT_CLIENT_ID": "test-client",
            "KEY_SECRET_ID": KEY_SECRET,
            "LIVE_TRADING": "true",
            "LOOPBACK_VENUES": "true",
            "ORDERS_PER_MINUTE": "100000",
        }
        before = Release("before", code_before(tmp_path / "before"), variables)
        yield venue, before, Release("present", ROOT, variables)


def test_releases_write_at_once_then_the_one_before_alone_then_the_present_one(
    releases: tuple[FakeBinance, Release, Release], tmp_path: Path, seed: int
) -> None:
    venue, before, present = releases
    numbers = random.Random(seed)
    with ExitStack() as stack:
        old, new = (stack.enter_context(each.running(tmp_path / f"{each.name}.log")) for each in (before, present))
        lives = [connected(new, "paper"), connected(old, "live", BINANCE, venue.credentials())]
        for writers in ([old, new], [old], [new], [new, old]):
            owners = [Owner(each, random.Random(numbers.getrandbits(64))) for each in writers]
            for life in lives:
                with ThreadPoolExecutor(len(owners)) as pool:
                    list(pool.map(lambda owner, life=life: owner.live(life), owners))
                for each in writers:
                    check(life, each, numbers)
            assert writers != [old] or before.admin("replay", lives[0].wallet)[0] == 0
        accepted = {life.kind: len(life.accepted) for life in lives}
        assert min(accepted.values()) > STEPS // 2, accepted
    for release in (before, present):
        code, text = release.admin("replay", lives[0].wallet)
        assert code == 0, (release.name, text)
    sent = [order for account in venue.exchange.accounts.values() for order in account.orders.values()]
    assert len(sent) == len(lives[1].accepted)


def connected(release: RunningRelease, kind: str, definition: str | None = None, credentials: Any = None) -> Life:
    given = {"wallet_id": definition, "credentials": credentials} if definition else {}
    body = new_wallet(risk_limits=LIMITS, **given)
    answer = release.call("create_wallet", "POST", "/wallets", user=TRADER, body=body)
    assert answer.status == 201, answer.text
    life = Life(kind, answer.json["id"])
    if kind == "live":
        synced = release.call("sync_balance", "POST", f"{life.path}/sync-balance", user=TRADER)
        assert synced.json["success"], synced.text
    return life
