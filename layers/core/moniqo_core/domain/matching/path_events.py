"""The steps of a walk along the path: its points, and the events between them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.market.market import Market, PathPoint
from moniqo_core.domain.matching.equity_samples import full_hours, idle_hours, is_idle_hour, sample_equity
from moniqo_core.domain.matching.order_closing import close_order
from moniqo_core.domain.matching.pause_on_loss import begin_local_day, enforce_loss_limits
from moniqo_core.domain.matching.resting_orders import match_orders
from moniqo_core.domain.matching.trigger_prices import OrdersByTrigger, orders_by_trigger
from moniqo_core.domain.orders.order import OrderStatus

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class PathWalk:
    """One pass over the points. It keeps what would be slow to compute at each point."""

    def __init__(self, draft: AccountDraft, markets: Mapping[str, Market]) -> None:
        self._draft = draft
        self._markets = markets
        self._orders_by_trigger: dict[str, OrdersByTrigger | None] = {}
        # A command may have caused a loss since the last point.
        self._equity_moved = True
        self._buying = any(open_order_totals.buying for open_order_totals in draft.account.open_order_totals.values())
        account = draft.account
        since = [account.evaluated_until[symbol] for symbol in account.tracked_symbols]
        # An idle account is sampled at its idle hours only. They are sampled again if necessary, because an earlier
        # walk may not have reached them.
        self._hours = full_hours(min(since), draft.at) if since else idle_hours(account.idle_since, draft.at)
        self._hour = next(self._hours, _NEVER)
        self._expiry = self._next_expiry()
        self._instant = self._next_instant()

    def handle_events_before(self, end: datetime) -> None:
        """Handle the events before ``end``: expiries, starts of local days, and full hours.

        A full hour is sampled while anything is held or open, and when it is an idle hour.
        """
        draft = self._draft
        while self._instant < end:
            at = self._instant
            if at == self._expiry:
                self._expire(at)
            if draft.day is not None and at >= draft.day.until:
                begin_local_day(draft, at)
            if at == self._hour:
                if draft.has_exposure() or is_idle_hour(draft.idle_since, at):
                    draft.samples.append(sample_equity(draft, at))
                self._hour = next(self._hours, _NEVER)
            self._instant = self._next_instant()

    def _next_instant(self) -> datetime:
        day = self._draft.day
        return min(self._expiry, self._hour, day.until if day is not None else _NEVER)

    def _next_expiry(self) -> datetime:
        draft = self._draft
        if not any(open_order_totals.expiring for open_order_totals in draft.account.open_order_totals.values()):
            return _NEVER
        orders = (draft.peek(order_id) for order_id in draft.open_ids())
        return min((order.expires_at for order in orders if order.expires_at and order.is_open), default=_NEVER)

    def _expire(self, at: datetime) -> None:
        """Close the orders that expire by ``at``, since no later point can fill them."""
        draft = self._draft
        for order_id in draft.open_ids():
            placed = draft.peek(order_id)
            if placed.is_open and placed.expires_at is not None and placed.expires_at <= at:
                order = draft.edit(order_id)
                if order is not None:
                    close_order(draft, order, OrderStatus.EXPIRED, placed.expires_at)
        self._expiry = self._next_expiry()
        self._orders_by_trigger.clear()
        self._note_idle(at)

    def meet_point(self, symbol: str, point: PathPoint, *, further: bool) -> bool:
        """Match the orders of a symbol against a point that can affect them.

        A point without a valid price is skipped. ``further`` tells that the symbol already had a point at this instant.
        Return False when nothing of the symbol is held or open any more, as if its path had ended.
        """
        draft = self._draft
        if self._orders(symbol) is None:
            return False
        if further:
            self.check_loss_limits(point.end)
        if not 0 <= point.half_spread < point.price:
            return True
        orders = self._orders(symbol)
        touched = orders.touched_by(point) if orders is not None else ()
        if touched:
            self._equity_moved = True
            if match_orders(draft, point, self._markets[symbol], touched):
                del self._orders_by_trigger[symbol]
                self._note_idle(point.end)
        draft.marks[symbol] = point.price
        return True

    def _orders(self, symbol: str) -> OrdersByTrigger | None:
        if symbol not in self._orders_by_trigger:
            self._orders_by_trigger[symbol] = orders_by_trigger(self._draft, symbol)
        return self._orders_by_trigger[symbol]

    def check_loss_limits(self, end: datetime) -> None:
        """Check the loss limits once every symbol has its price of this instant.

        The check is skipped while the equity cannot have changed.
        """
        if not self._equity_moved:
            return
        draft = self._draft
        if enforce_loss_limits(draft, end, buying=self._buying):
            self._buying = False
            self._orders_by_trigger.clear()
            self._note_idle(end)
        self._equity_moved = bool(draft.held_symbols())

    def _note_idle(self, at: datetime) -> None:
        """Record when the account became idle, with nothing held and no open orders."""
        draft = self._draft
        if draft.idle_since is None and not draft.has_exposure():
            draft.idle_since = at
