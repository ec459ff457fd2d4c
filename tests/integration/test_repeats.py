"""A request repeated with its Idempotency-Key returns the first result, whatever happened since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from moniqo_core import bootstrap, event_loop
from moniqo_core.bootstrap.order_services import order_opener
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition
from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Answer, Invoke
from tests.support.live_harness import BINANCE, live_deployment
from tests.support.wallets import DEMO, aws, create, new_wallet

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

KEY = {"Idempotency-Key": "of-this-test"}
ORDER = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.002"}


class Site:
    """One wallet, and the changes that owner and administrator make to it."""

    def __init__(self, invoke: Invoke, wallet: str, slug: str, body: dict[str, object]) -> None:
        self.invoke = invoke
        self.id = wallet
        self.slug = slug
        self.body = body

    def ask(self, function: str, method: str, path: str, *, user: Any = TRADER, **given: Any) -> Answer:
        return self.invoke(function, method, f"/wallets/{self.id}{path}", user=user, **given)

    def done(self, *asked: Any, **given: Any) -> dict[str, Any]:
        answer = self.ask(*asked, **given)
        assert answer.status in {200, 201}, answer.text
        found: dict[str, Any] = answer.json
        return found

    def place(self, headers: dict[str, str] | None = None, **fields: object) -> Answer:
        return self.ask("place_order", "POST", "/orders", body=ORDER | fields, headers=headers)

    def close(self, headers: dict[str, str] | None = None, symbol: str = "BTC/USDT") -> Answer:
        return self.ask("close_position", "POST", "/positions/close", query={"symbol": symbol}, headers=headers)

    def reset(self) -> Answer:
        return self.ask("reset_wallet", "POST", "/reset", headers=KEY)

    def create_again(self) -> Answer:
        return self.invoke("create_wallet", "POST", "/wallets", user=TRADER, body=self.body, headers=KEY)

    def orders(self) -> list[str]:
        return [order["order_id"] for order in self.done("list_orders", "GET", "/orders")["items"]]

    def pause(self) -> None:
        self.done("pause_wallet", "POST", "/pause", body={})

    def suspend(self) -> None:
        self.done("suspend_wallet", "POST", "/suspend", user=ADMIN, body={"reason": "a review"})

    def narrow(self) -> None:
        self.done("update_wallet", "PATCH", "", body={"risk_limits": {"max_position_size_usd": 1}})

    def block(self) -> None:
        self.done("update_wallet", "PATCH", "", body={"risk_limits": {"blocked_symbols": ["BTC/USDT"]}})

    def rename(self) -> None:
        self.done("update_wallet", "PATCH", "", body={"custom_name": "another", "risk_limits": {"timezone": "UTC"}})

    def _definition(self, **fields: object) -> None:
        path = f"/wallets/definitions/{self.slug}"
        assert self.invoke("update_definition", "PATCH", path, user=ADMIN, body=fields).status == 200

    def deactivate(self) -> None:
        self._definition(is_active=False)

    def ask_for_more(self) -> None:
        more = {"field_name": "passphrase", "display_label": "Passphrase", "field_type": "password"}
        self._definition(required_credentials=[more | {"is_required": True, "is_encrypted": True}])

    def delete_definition(self) -> None:
        gone = {"deleted_at": utc_now(), "is_active": False}
        event_loop.run(bootstrap.database().wallets.update_one({"slug": self.slug}, {"$set": gone}))


Happening = Callable[[Site], None]
HAPPENINGS: tuple[Happening, ...] = (
    Site.pause,
    Site.suspend,
    Site.narrow,
    Site.block,
    Site.rename,
    Site.deactivate,
    Site.ask_for_more,
    Site.delete_definition,
)
happening = pytest.mark.parametrize("happens", HAPPENINGS, ids=lambda happens: happens.__name__)


@pytest.fixture(params=["paper", "live"])
def site(
    request: pytest.FixtureRequest, invoke: Invoke, environment: pytest.MonkeyPatch, database: Database
) -> Iterator[Site]:
    if request.param == "paper":
        yield Site(invoke, create(invoke, headers=KEY)["id"], DEMO, new_wallet())
        return
    with live_deployment(environment) as venue:
        fields: dict[str, Any] = {"wallet_id": BINANCE, "credentials": venue.credentials()}
        wallet = create(invoke, headers=KEY, **fields)["id"]
        yield Site(invoke, wallet, BINANCE, new_wallet(**fields))


@pytest.fixture
def paper(invoke: Invoke) -> Site:
    return Site(invoke, create(invoke, headers=KEY)["id"], DEMO, new_wallet())


def assert_replayed(answer: Answer, of: dict[str, Any], name: str) -> None:
    assert answer.status == 200, answer.text
    assert answer.headers.get("Idempotent-Replayed", answer.headers.get("idempotent-replayed")) == "true"
    assert answer.json[name] == of[name]


def test_repeated_close_sells_nothing_again(site: Site) -> None:
    site.place()
    sold = site.close(KEY)
    assert (sold.status, sold.json["side"], sold.json["client_order_id"]) == (201, "sell", "of-this-test")
    site.place()
    resting = site.place(side="sell", type="limit", amount="0.001", price="90000").json

    assert_replayed(site.close(KEY), sold.json, "order_id")

    assert len(site.orders()) == 4
    assert site.done("get_order", "GET", f"/orders/{resting['order_id']}")["status"] == "open"
    (held,) = site.done("list_positions", "GET", "/positions")["items"]
    assert float(held["amount"]) > 0.0019


def test_key_of_another_request_is_refused(site: Site) -> None:
    site.place(KEY)
    other = site.close(KEY)
    assert (other.status, other.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    closing = {"Idempotency-Key": "a-close"}
    assert site.close(closing).status == 201
    for answer in (site.place(closing), site.close(closing, "ETH/USDT"), site.place({}, client_order_id="a-close")):
        assert (answer.status, answer.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    assert len(site.orders()) == 2


def test_refused_close_leaves_its_key_free(site: Site) -> None:
    refused = site.close(KEY)
    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED")
    site.place()
    assert site.close(KEY).status == 201


def test_ids_of_body_and_header_must_agree(site: Site) -> None:
    differing = site.place(KEY, client_order_id="another")
    assert (differing.status, differing.json["code"]) == (422, "VALIDATION_ERROR")
    assert [error["field"] for error in differing.json["errors"]] == ["client_order_id"]
    assert site.orders() == []
    assert site.place(KEY, client_order_id="of-this-test").status == 201
    assert_replayed(site.place(KEY), site.place(KEY).json, "order_id")


@happening
def test_repeat_is_answered_whatever_happened_since(site: Site, happens: Happening) -> None:
    bought, sold = site.place(KEY).json, site.close({"Idempotency-Key": "a-close"}).json

    happens(site)

    assert_replayed(site.place(KEY), bought, "order_id")
    assert_replayed(site.close({"Idempotency-Key": "a-close"}), sold, "order_id")
    assert_replayed(site.create_again(), {"id": site.id}, "id")
    assert len(site.orders()) == 2


@happening
def test_repeated_fork_and_reset_are_answered_whatever_happened_since(paper: Site, happens: Happening) -> None:
    key = {"Idempotency-Key": "a-fork"}
    paper.place()
    fork = paper.ask("fork_wallet", "POST", "/fork", body={}, headers=key)
    assert (fork.status, paper.reset().status) == (201, 200)
    before = paper.done("get_ledger", "GET", "/ledger")["items"]

    happens(paper)
    paper_entries = len(paper.done("get_ledger", "GET", "/ledger")["items"])

    assert_replayed(paper.ask("fork_wallet", "POST", "/fork", body={}, headers=key), fork.json, "id")
    assert_replayed(paper.reset(), {"id": paper.id}, "id")
    assert len(paper.done("get_ledger", "GET", "/ledger")["items"]) == paper_entries <= len(before) + 1


def test_fork_is_answered_after_its_source_was_deleted(paper: Site) -> None:
    key = {"Idempotency-Key": "a-fork"}
    fork = paper.ask("fork_wallet", "POST", "/fork", body={}, headers=key)
    assert paper.ask("delete_wallet", "DELETE", "").status == 204

    assert_replayed(paper.ask("fork_wallet", "POST", "/fork", body={}, headers=key), fork.json, "id")

    other = paper.ask("fork_wallet", "POST", "/fork", body={"custom_name": "another"}, headers=key)
    assert (other.status, other.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    fresh = paper.ask("fork_wallet", "POST", "/fork", body={}, headers={"Idempotency-Key": "unused"})
    assert fresh.status == 404
    assert paper.ask("fork_wallet", "POST", "/fork", body={}, headers=key, user=STRANGER).status == 404


def test_repeats_on_a_deleted_wallet_do_nothing(site: Site) -> None:
    site.place(KEY)
    site.close({"Idempotency-Key": "a-close"})
    assert site.ask("delete_wallet", "DELETE", "").status == 204

    answers = [site.place(KEY), site.close({"Idempotency-Key": "a-close"}), site.reset()]
    assert [answer.status for answer in answers] == [404] * 3
    again = site.create_again()
    assert (again.status, again.json["code"]) == (409, "CONFLICT")


def test_repeat_that_was_read_before_the_first_sale_returns_that_sale(site: Site, run: Run) -> None:
    close = ClosePosition("BTC/USDT", "a-close")
    site.place()

    async def race() -> tuple[OrderRecord, OrderRecord]:
        early = await order_opener().open_to_trade(TRADER.id, site.id, "a-close")
        sold = await bootstrap.orders().close_position(TRADER.id, site.id, close)
        return sold, await early.close_position(close)

    sold, again = run(race())
    assert (again.order_id, again.replayed) == (sold.order_id, True)
    assert len(site.orders()) == 2
