"""Random commands for trials of the engine: mostly valid, near the market, and about as large as the wallet."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest, ReplaceOrder
from moniqo_core.domain.risk.limits import RiskLimits
from tests.support.exchange_world import World
from tests.support.naive_exchange import NaiveExchange

D = Decimal
ZERO = D(0)
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "America/St_Johns")


def draw_limits(rng: Random, symbols: tuple[str, ...], naive: NaiveExchange | None = None) -> RiskLimits:
    """Draw limits that are sometimes exceeded. Those of an active wallet may equal its present value."""
    wide = rng.random() < 0.6
    losses = [None, None, None, D(20), D(200), D(5000)]
    sizes = [D(300), D(5000), D(100_000)]
    totals = [D(500), D(8000), D(200_000)]
    if naive is not None:
        holding_exposures = [naive.held(symbol) * naive.marks.get(symbol, ZERO) * naive.usd_rate for symbol in symbols]
        sizes += [stake * rng.choice((D(1), D("1.1"), D("1.4"))) for stake in holding_exposures if stake]
        totals += (
            [sum(holding_exposures, ZERO) * rng.choice((D(1), D("1.1"), D("1.4")))] * 2
            if any(holding_exposures)
            else []
        )
        loss = (naive.day_start - naive.equity(naive.marks)) * naive.usd_rate
        losses += [loss] * 4 if loss > 0 else []
    return RiskLimits(
        D(10**9) if wide else rng.choice(sizes),
        D(10**9) if wide else rng.choice(totals),
        rng.choice((1, 2, 100, 100, 100)),
        rng.choice(losses),
        rng.choice((None, None, None, None, D(1), D("7.5"))),
        rng.choice((None, None, None, None, D(2), D(20))),
        allowed_symbols=rng.choice((None,) * 9 + (symbols[:2],)),
        blocked_symbols=rng.choice(((),) * 9 + (symbols[1:2],)),
        respect_market_hours=rng.random() < 0.3,
        timezone=rng.choice(ZONES),
    )


def draw_place(rng: Random, world: World, naive: NaiveExchange) -> OrderRequest:
    """Draw an order."""
    symbol = rng.choice(world.symbols)
    sellable = [name for name in world.symbols if naive.free(name.split("/")[0])]
    side = OrderSide.BUY if rng.random() < (0.55 if sellable else 0.97) else OrderSide.SELL
    if side is OrderSide.SELL and sellable:
        symbol = rng.choice(sellable)
    kind = rng.choices(list(OrderType), (35, 40, 1, 1, 22, 1) if side is OrderSide.BUY else (20, 25, 15, 12, 13, 15))[0]
    fields = _draw_prices(rng, world, symbol, side, kind) | _draw_conditions(rng, world, side, kind)
    if rng.random() < (0.35 if side is OrderSide.BUY else 0.01):
        for name, direction in (("stop_loss", -1), ("take_profit", 1)):
            if rng.random() < 0.8:
                fields[name] = _draw_exit(rng, world, symbol, direction)
    if kind is OrderType.MARKET and rng.random() < 0.15:
        fields["quote_amount"] = D(rng.choice((4, 20, 100, "333.33", 5000, 90_000)))
    else:
        fields["amount"] = _draw_amount(rng, world, naive, symbol, side)
    if rng.random() < 0.1:
        fields["client_order_id"] = f"c-{rng.randrange(40)}"
    if rng.random() < 0.02:
        fields |= rng.choice(_MALFORMED)
    return OrderRequest(symbol, side, kind, **fields)


def _draw_prices(rng: Random, world: World, symbol: str, side: OrderSide, kind: OrderType) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
        fields["price"] = _near(rng, world, symbol)
    if kind in {OrderType.STOP_LOSS, OrderType.TAKE_PROFIT, OrderType.STOP_LIMIT}:
        rising = side is OrderSide.BUY or kind is OrderType.TAKE_PROFIT
        fields["stop_price"] = _near(rng, world, symbol, 1 if rising else -1)
    if kind is OrderType.TRAILING_STOP:
        fields["trail_percent"] = D(rng.choice(("0.1", "0.5", "1", "3", "50", "51")))
    return fields


def _draw_conditions(rng: Random, world: World, side: OrderSide, kind: OrderType) -> dict[str, Any]:
    at_once = 12 if kind in {OrderType.MARKET, OrderType.LIMIT} else 1
    fields: dict[str, Any] = {"time_in_force": rng.choices(list(TimeInForce), (50, at_once, at_once, 12, 18))[0]}
    if fields["time_in_force"] is TimeInForce.GTD:
        seconds = rng.choice((-5, 1, 10, 15, 30, 45, 3600, 90_000))
        fields["expires_at"] = world.now + timedelta(seconds=seconds)
    if kind is OrderType.LIMIT and rng.random() < 0.15:
        fields["post_only"] = True
    if rng.random() < (0.1 if side is OrderSide.SELL else 0.01):
        fields["reduce_only"] = True
    return fields


_MALFORMED: tuple[dict[str, Any], ...] = (
    {"price": D("0.0000001")},
    {"stop_price": D("-1")},
    {"amount": D("0.0000001")},
    {"amount": None},
    {"trail_percent": D(5)},
    {"quote_amount": D(50)},
    {"stop_loss": ExitSpec(D(100), D(5))},
    {"expires_at": None, "time_in_force": TimeInForce.GTD},
)


def _near(rng: Random, world: World, symbol: str, direction: int | None = None) -> Decimal:
    """A price near the market, mostly on the side that ``direction`` names."""
    if direction is None or rng.random() < 0.1:
        direction = rng.choice((-1, 1))
    ticks = world.ticks[symbol]
    away = rng.choice((0, 1, 2, 60, ticks // 1000, ticks // 200, ticks // 50, ticks // 10))
    return (ticks + direction * away) * world.markets[symbol].tick_size


def _draw_exit(rng: Random, world: World, symbol: str, direction: int) -> ExitSpec:
    draw = rng.random()
    if draw < 0.3:
        return ExitSpec()
    if draw < 0.65:
        return ExitSpec(percent=D(rng.choice(("0.01", "0.3", "1", "2.5", "30"))))
    return ExitSpec(stop_price=_near(rng, world, symbol, direction))


def _draw_amount(rng: Random, world: World, naive: NaiveExchange, symbol: str, side: OrderSide) -> Decimal:
    step = world.markets[symbol].lot_step
    share = rng.choice((D("0.03"), D("0.06"), D("0.1"), D("0.15"), D("0.3"), D("0.3"), D("0.6"), D(1), D("1.1")))
    if side is OrderSide.SELL:
        held = naive.held(symbol)
        if rng.random() < 0.4:
            return rng.choice((held, naive.free(symbol.split("/", maxsplit=1)[0])))
        return held * share // step * step
    cash = naive.free(world.cash) * share
    price = world.price(symbol)
    if share == 1:
        price *= 1 + max(naive.maker, naive.taker)
    return cash / price // step * step


def draw_close(rng: Random, world: World, naive: NaiveExchange, symbol: str) -> ClosePosition:
    """Draw a request to close a position, or a part of it."""
    held, step = naive.held(symbol), world.markets[symbol].lot_step
    if rng.random() < 0.4:
        return ClosePosition(symbol)
    if rng.random() < 0.5:
        return ClosePosition(symbol, percent=D(rng.choice(("0.01", "10", "33.3", "50", "90", "100"))))
    amount = rng.choice((step, held, held / 2 // step * step, held / 3, held + step, held - step))
    return ClosePosition(symbol, amount=max(amount, step))


def draw_replace(rng: Random, world: World, naive: NaiveExchange, name: str) -> ReplaceOrder:
    """Draw new values of an order: mostly those that it has, and valid ones."""
    order = naive.all_orders.get(name)
    if order is None:
        return ReplaceOrder(name, amount=D(1))
    symbol, kind, step = order["symbol"], order["type"], world.markets[order["symbol"]].lot_step
    filled, fields = naive.filled(order), {}
    if order["entry"] is None and rng.random() < 0.6:
        share = rng.choice((D("0.1"), D("0.5"), D("0.9"), D(1), D("1.01"), D("1.3"), D(2)))
        fields["amount"] = max(order["amount"] * share // step * step, step)
        if rng.random() < 0.1:
            fields["amount"] = rng.choice((filled, filled + step, order["amount"] + step / 2)) or step
    if kind in {"limit", "stop_limit"} and rng.random() < 0.5:
        fields["price"] = _near(rng, world, symbol)
    if kind in {"stop_loss", "take_profit", "stop_limit"} and (order["entry"] or rng.random() < 0.5):
        rising = order["side"] == "buy" or kind == "take_profit"
        fields["stop_price"] = _near(rng, world, symbol, 1 if rising else -1)
    if kind == "trailing_stop" and rng.random() < 0.5:
        fields["trail_percent"] = D(rng.choice(("0.1", "0.5", "1", "3", "50", "51")))
    if rng.random() < 0.03:
        fields[rng.choice(("price", "stop_price", "trail_percent", "amount"))] = D(rng.choice((1, 5, 49000)))
    if not fields:
        fields["amount"] = order["amount"]
    if rng.random() < 0.15:
        fields["if_filled_amount"] = rng.choice((filled, filled, D(1)))
    return ReplaceOrder(name, **fields)
