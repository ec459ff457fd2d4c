"""Which fills the asset flows of a venue account count when the venue's clock differs from ours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.domain.orders.order import Fill, OrderSide
from moniqo_core.domain.portfolio.balance_equation import AssetFlows, Flow, balance_equation
from moniqo_core.domain.sync.account_statement import PreviousSync
from moniqo_core.venues.ccxt.parsing import VenueFill
from moniqo_core.wallets.exchange.fill_history import FillSource, KeptFills, ReceivedFills, asset_flows_at

D = Decimal
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PRICE = D(50000)


class Account:
    """Buys BTC for USDT at a venue whose clock is ``skew`` ahead of ours."""

    def __init__(self, skew: timedelta = timedelta(), most: int | None = None) -> None:
        self.skew = skew
        self.most = most
        self.newest = False
        self.unreadable: set[str] = set()
        self.tells_no_time = False
        self.also_told: list[datetime] = []
        self.trouble: Exception | None = None
        self.held = {"BTC": D(0), "USDT": D(100_000)}
        self.fills: list[VenueFill] = []
        self.opening = PreviousSync({}, None)
        self.look(NOON)

    def buy(self, at: datetime, amount: str = "0.1") -> None:
        bought = D(amount)
        self.held["BTC"] += bought
        self.held["USDT"] -= bought * PRICE
        name, number = "BTC/USDT", f"{len(self.fills)}"
        order = (number, number, name, OrderSide.BUY, PRICE, bought, bought * PRICE, D(0), "USDT", None)
        self.fills.append(VenueFill(*order, at + self.skew))

    def look(self, at: datetime, totals: dict[str, Decimal] | None = None) -> dict[str, Decimal]:
        """Take a statement and return its residues. ``totals`` are balances read before the fills."""
        held = dict(self.held) if totals is None else totals

        async def read(_: str | None, since: datetime) -> ReceivedFills:
            if self.trouble is not None:
                raise self.trouble
            shown = [fill for fill in self.fills if fill.at >= since]
            page = shown[-(self.most or 0) :] if self.newest else shown[: self.most]
            readable = [fill for fill in page if fill.fill_id not in self.unreadable]
            times = [] if self.tells_no_time else [*self.also_told, *(fill.at for fill in page)]
            return ReceivedFills(readable, len(page), sorted(times))

        async def kept(_: datetime) -> Sequence[Fill]:
            return ()

        look = FillSource(read, self.most, by_symbol=False, newest=self.newest)
        asset_flows = asyncio.run(
            asset_flows_at(self.opening, held, at, ["BTC/USDT"], look, KeptFills(kept, first=False))
        )
        lines = (
            ()
            if asset_flows is None
            else balance_equation(self.opening.totals, self.opening.asset_flows, asset_flows, held)
        )
        self.opening = PreviousSync(held, asset_flows)
        return {line.asset: line.residue for line in lines if line.residue}

    def asset_flows(self) -> AssetFlows:
        assert self.opening.asset_flows is not None
        return self.opening.asset_flows


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("skew", [-50, -1, -0.5, 0, 0.9, 50])
def test_fill_is_counted_once_for_any_venue_clock_skew(skew: float) -> None:
    """Statements are taken just before the fill (as for a buy order), just after it, and several times."""
    account = Account(timedelta(seconds=skew))
    for start in (100, 100.5, 101, 220, 1000):
        assert account.look(later(start)) == {}
        account.buy(later(start + 0.1))
        account.held["USDT"] -= 700
        assert account.look(later(start + 0.2)) == {"USDT": D(-700)}
        assert account.look(later(start + 0.3)) == {}
    assert account.look(later(2000)) == {}
    assert account.opening.asset_flows is not None
    assert account.opening.asset_flows.flows["BTC"].traded == D("0.5")


@pytest.mark.parametrize("skew", [-0.01, 0])
def test_fill_after_the_balance_was_read_is_left_to_the_next_statement(skew: float) -> None:
    account = Account(timedelta(seconds=skew))
    account.buy(later(100))
    told = dict(account.held)
    account.buy(later(100.3))

    assert account.look(later(100.2), told) == {}
    assert account.look(later(160)) == {}


def test_late_fill_reverses_the_residue_in_the_next_statement() -> None:
    account = Account()
    account.buy(later(100))
    shown, account.fills = account.fills, []

    assert account.look(later(100.2)) == {"BTC": D("0.1"), "USDT": D(-5000)}
    account.fills = shown
    account.buy(later(130))
    assert account.look(later(131)) == {"BTC": D("-0.1"), "USDT": D(5000)}
    assert account.look(later(200)) == {}


@pytest.mark.parametrize("skew", [-30, 0, 30])
def test_fills_of_several_pages_are_counted_once(skew: float) -> None:
    account = Account(timedelta(seconds=skew), most=3)
    for number in range(10):
        account.buy(later(100 + number))
    looks = 0
    while looks == 0 or (account.opening.asset_flows is not None and account.opening.asset_flows.behind):
        looks += 1
        account.look(later(110 + looks))

    assert looks > 3
    assert account.opening.asset_flows is not None
    assert account.opening.asset_flows.flows["BTC"].traded == account.held["BTC"]
    assert account.look(later(200)) == {}


@pytest.mark.parametrize("trouble", [TimeoutError(), WalletConnectionError()])
def test_unreadable_fills_are_left_to_the_next_statement(trouble: Exception) -> None:
    account = Account()
    account.buy(later(100))
    account.trouble = trouble
    for seconds in (110, 200, 300):
        account.look(later(seconds))
        assert account.asset_flows().until == NOON
        assert account.asset_flows().behind == {"BTC", "USDT"}
    account.trouble = None
    account.look(later(400))
    assert not account.asset_flows().behind
    assert account.asset_flows().flows["BTC"].traded == D("0.1")
    assert account.look(later(500)) == {}


def test_asset_flows_restart_when_only_the_newest_fills_are_available() -> None:
    account = Account(most=3)
    account.newest = True
    for number in range(2):
        account.buy(later(100 + number))
    assert account.look(later(110)) == {}
    for number in range(4):
        account.buy(later(200 + number))
    account.look(later(210))
    assert account.opening.asset_flows is None
    assert account.look(later(220)) == {}
    account.buy(later(300))
    assert account.look(later(310)) == {}
    assert account.asset_flows().flows["BTC"].traded == D("0.1")


def test_fill_on_margin_moves_no_money_but_its_fee() -> None:
    account = Account()
    account.held["USDT"] -= D(3)
    order = ("1", "1", "BTC/USDT", OrderSide.BUY, PRICE, D(1), PRICE, D(3), "USDT", None, NOON + timedelta(minutes=5))
    account.fills.append(VenueFill(*order, on_margin=True))
    assert account.look(NOON + timedelta(minutes=10)) == {}


@pytest.mark.parametrize("odd", [3, 5, 7, 9])
def test_unreadable_fill_of_a_full_page_costs_itself(odd: int) -> None:
    account = Account(most=4)
    for number in range(10):
        account.buy(later(100 + number))
    account.unreadable = {str(odd)}
    for seconds in range(110, 120):
        account.look(later(seconds))

    assert not account.asset_flows().behind
    assert account.asset_flows().flows["BTC"].traded == D("0.9")
    assert account.look(later(200)) == {}


@pytest.mark.parametrize("odd", [range(2, 6), range(1, 7), range(8), range(10)], ids=str)
def test_full_page_that_cannot_be_read_is_passed(odd: range) -> None:
    account = Account(most=4)
    for number in range(10):
        account.buy(later(100 + number))
    account.unreadable = {str(number) for number in odd}
    for seconds in range(110, 120):
        account.look(later(seconds))
    assert not account.asset_flows().behind
    assert account.asset_flows().flows.get("BTC", Flow()).traded == D("0.1") * (10 - len(odd))
    account.buy(later(150))
    assert account.look(later(200)) == {}


def test_flows_begin_anew_after_a_full_page_that_tells_no_time() -> None:
    account = Account(most=4)
    for number in range(10):
        account.buy(later(100 + number))
    account.unreadable, account.tells_no_time = {str(number) for number in range(10)}, True
    account.look(later(110))
    assert account.opening.asset_flows is None
    account.look(later(170))
    account.tells_no_time = False
    account.buy(later(300))
    assert account.look(later(310)) == {}
    assert account.asset_flows().flows["BTC"].traded == D("0.1")


@pytest.mark.parametrize("wrong", [NOON - timedelta(days=9), NOON + timedelta(days=900)], ids=str)
def test_wrong_time_of_an_unreadable_fill_moves_no_page(wrong: datetime) -> None:
    account = Account(most=4)
    for number in range(10):
        account.buy(later(100 + number))
    account.unreadable, account.also_told = {"2"}, [wrong]
    for seconds in range(110, 120):
        account.look(later(seconds))
    assert account.asset_flows().until < later(120)
    assert account.asset_flows().flows["BTC"].traded == D("0.9")
    assert account.look(later(200)) == {}
