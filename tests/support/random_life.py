"""A random sequence of commands to a demo wallet that covers every kind of ledger entry, drawn from a seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder, Command, ResetAccount
from moniqo_core.domain.money import floor_to
from moniqo_core.domain.orders.order import Order, OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest, ReplaceOrder
from moniqo_core.domain.paper.changes.replaced_order import NothingToReplaceError
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.lifecycle_commands import SetLimits, SetStatus
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.wallets.demo.decide_and_commit import DemoAccount
from moniqo_core.wallets.demo.wallet import DemoWallet

D = Decimal
OWNER = "owner"
BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS = RiskLimits(D(50_000), D(80_000), 5, daily_loss_limit_percent=D(4), timezone="America/New_York")
TERMS = AccountTerms(OWNER, D(100_000), "USDT", D("0.08"), D("0.1"), D(5), None, LIMITS)
PAUSES = (0, 40, 15_000, 70_000, 400_000, 3_600_000, 90_000_000)
WEIGHTS = (4, 4, 4, 4, 4, 2, 0.3)
SYMBOLS = ("BTC/USDT", "ETH/USDT", "DOGE/USDT")
STOCKS = ("AAPL/USD", "MSFT/USD")


class Life:
    """Drives one wallet. ``done`` counts accepted commands by kind, ``refused`` counts refused ones by error code."""

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        user_wallet_id: str,
        seed: int,
        symbols: Sequence[str] = SYMBOLS,
    ) -> None:
        self.chance = random.Random(seed)
        self.symbols = symbols
        self.now = BEGAN
        config = {"db": database, "owner": OWNER, "clock": self._clock}
        self.wallet = DemoWallet("demo", user_wallet_id, {}, config)
        self._ledger = DemoJournal(with_utc_times(database))
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def open(self) -> None:
        """Open the account."""
        await self.wallet.open_account(replace(TERMS, cash_asset=self.symbols[0].partition("/")[2]))
        await self.wallet.initialize()
        self.session = await self.open_session()

    async def open_session(self) -> DemoAccount:
        """Read the account as another process would."""
        loaded = await self._ledger.load(self.wallet.user_wallet_id, OWNER)
        assert loaded is not None
        return DemoAccount(self._ledger, self.wallet.feed, self._clock, OWNER, loaded)

    def _clock(self) -> datetime:
        return self.now

    async def run_steps(self, steps: int) -> None:
        """Run ``steps`` steps: let time pass and run a random command."""
        for _ in range(steps):
            self.now += timedelta(milliseconds=self.chance.choices(PAUSES, WEIGHTS)[0])
            if self.chance.random() < 0.2:
                self.session = await self.open_session()
            command = await self._command()
            try:
                await self.session.run(command)
            except NothingToReplaceError:
                self.refused["nothing to replace"] += 1
            except WalletError as error:
                self.refused[error.code] += 1
            else:
                self.done[command.type if isinstance(command, OrderRequest) else type(command).__name__] += 1

    async def _command(self) -> Command:
        account, draw = self.session.account, self.chance.random()
        if account.status == "paused" and draw < 0.6:
            return SetStatus("active", "owner")
        if draw < 0.04 and account.orders:
            return self._replacement(self.chance.choice(list(account.orders.values())))
        if draw < 0.08 and account.orders:
            return CancelOrder(self.chance.choice(list(account.orders)))
        if draw < 0.1:
            return CancelAllOrders(self.chance.choice([None, *self.symbols]))
        if draw < 0.14:
            part = D(50) if self.chance.random() < 0.5 else None
            return ClosePosition(self.chance.choice(self.symbols), percent=part)
        if draw < 0.16:
            return SetLimits(LIMITS)
        if draw < 0.17:
            return SetStatus("paused", "owner", "a rest")
        if draw < 0.18:
            return ResetAccount()
        return await self._order()

    def _replacement(self, order: Order) -> ReplaceOrder:
        """Move the price by a tick, or the trigger, or make the order smaller."""
        if order.price is not None and self.chance.random() < 0.7:
            return ReplaceOrder(order.order_id, price=order.price - D("0.01"), if_filled_amount=order.filled_amount)
        if order.entry is not None and order.stop_price is not None:
            return ReplaceOrder(order.order_id, stop_price=order.stop_price - D("0.01"))
        return ReplaceOrder(order.order_id, amount=max(order.amount - D("0.01"), D("0.01")))

    async def _order(self) -> OrderRequest:
        chance = self.chance
        symbol, kind = chance.choice(self.symbols), chance.choice(list(OrderType))
        market, snapshot = await self.wallet.feed.market(symbol), await self.wallet.feed.snapshot(symbol)
        held = self.session.account.holding(market.base).free
        stop = kind not in {OrderType.MARKET, OrderType.LIMIT}
        buying = not held or (not stop and chance.random() < 0.6)
        size = floor_to(chance.choice([D(50), D(1000), D(20_000)]) / snapshot.mid, market.lot_step)
        away = round(chance.uniform(0.01, 1.5), 3)

        def near(percent: float) -> Decimal:
            return floor_to(snapshot.mid * (1 + D(str(percent)) / 100), market.tick_size)

        fields: dict[str, Any] = {
            "amount": size if buying else min(size, held),
            "metadata": {"n": 1.5, "why": "ünlike"},
        }
        fields |= self._terms(kind, away, near, buying=buying)
        if buying and chance.random() < 0.4:
            fields["stop_loss"] = ExitSpec(percent=D(str(away)))
            fields["take_profit"] = ExitSpec(near(2 * away + 0.2)) if chance.random() < 0.5 else None
        if chance.random() < 0.3:
            fields["client_order_id"] = f"c-{chance.randrange(10**9)}"
        return OrderRequest(symbol, OrderSide.BUY if buying else OrderSide.SELL, kind, **fields)

    def _terms(
        self, kind: OrderType, away: float, near: Callable[[float], Decimal], *, buying: bool
    ) -> dict[str, object]:
        """Draw prices and duration, mostly so that the order rests for a while."""
        chance, sign = self.chance, -1 if buying else 1
        match kind:
            case OrderType.MARKET:
                return (
                    {"amount": None, "quote_amount": D(chance.randrange(20, 30_000))} if chance.random() < 0.4 else {}
                )
            case OrderType.LIMIT:
                ends = self.now + timedelta(seconds=chance.randrange(1, 90_000))
                duration = chance.choice(list(TimeInForce))
                return {
                    "price": near(sign * away if chance.random() < 0.8 else -sign * away),
                    "time_in_force": duration,
                    "expires_at": ends if duration is TimeInForce.GTD else None,
                }
            case OrderType.STOP_LIMIT:
                return {"stop_price": near(-sign * away), "price": near(-sign * (away + 0.1))}
            case OrderType.TRAILING_STOP:
                return {"trail_percent": D(str(away))}
            case _:
                return {"stop_price": near(-away if kind is OrderType.STOP_LOSS else away)}
