"""Read the market data that a demo order is decided on. It is always read after the order arrived."""

from __future__ import annotations

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.market.snapshot_checks import check_fresh
from moniqo_core.domain.market.trading_hours import trading_hours_at
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.money import ONE
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.domain.paper.account_rules import check_account_status, check_account_symbol
from moniqo_core.domain.paper.changes.replaced_order import find_replaced


async def context_for(command: Command, draft: AccountDraft, feed: PriceFeed, clock: Clock) -> MarketContext | None:
    """Read the market for a command, or return None for a command that needs no price.

    Raises what :func:`observe_market` raises, and before that WalletPausedError, WalletSuspendedError and what
    :func:`moniqo_core.domain.paper.changes.replaced_order.find_replaced` raises.
    """
    match command:
        case OrderRequest(symbol=symbol, side=side):
            check_account_status(draft, side)
            return await observe_market(symbol, side, draft, feed, clock)
        case ClosePosition(symbol=symbol):
            check_account_status(draft, OrderSide.SELL)
            return await observe_market(symbol, OrderSide.SELL, draft, feed, clock)
        case ReplaceOrder():
            order = find_replaced(draft, command)
            return await observe_market(order.symbol, order.side, draft, feed, clock)
        case _:
            return None


async def observe_market(
    symbol: str, side: OrderSide, draft: AccountDraft, feed: PriceFeed, clock: Clock
) -> MarketContext:
    """Read the market of a symbol. For a buy under risk limits, read also the price of every other tracked symbol.

    Raises:
        InvalidSymbolError: the account does not trade the symbol.
        MarketDataError: one of the symbols has no price that is fresh enough to trade on.

    """
    market = await tradable_market(symbol, draft.account, feed)
    snapshot = await feed.snapshot(symbol)
    hours = trading_hours_at(market.hours, draft.at)
    if hours.is_open:
        check_fresh(snapshot, clock(), feed.max_age)
    others: set[str] = set()
    if side is OrderSide.BUY and draft.account.limits is not None:
        others = set(draft.account.tracked_symbols) - {symbol}
    marks = await feed.mids(sorted(others), fresh=True) if others else {}
    missing = sorted(others - set(marks))
    if missing:
        raise MarketDataError(f"This wallet holds {', '.join(missing)}, which has no fresh price.", retry_after=2)
    return MarketContext(market, snapshot, marks, ONE, hours.session_close, hours.is_open, hours.next_open)


async def tradable_markets(account: Account, feed: PriceFeed) -> list[Market]:
    """Return the symbols quoted in the cash asset that the account's terms allow, ordered by name."""
    terms = account.terms
    return [
        market
        for market in await feed.markets()
        if market.quote == terms.cash_asset and (terms.symbols is None or market.symbol in terms.symbols)
    ]


async def tradable_market(symbol: str, account: Account, feed: PriceFeed) -> Market:
    """Return the market of a symbol that the account trades.

    Raises:
        InvalidSymbolError: the account does not trade it. The error names a similar symbol that it trades, if any.
        MarketDataError: the feed does not answer.

    """
    try:
        market = await feed.market(symbol)
        check_account_symbol(account, symbol, market.quote)
    except InvalidSymbolError:
        tradable = await tradable_markets(account, feed)
        raise unknown_symbol(symbol, (each.symbol for each in tradable)) from None
    return market
