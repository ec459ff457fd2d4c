"""The factories of the services in :mod:`moniqo_core.services.orders`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap
from moniqo_core.bootstrap.stores import due_wallets
from moniqo_core.bootstrap.user_quotas import per_minute

if TYPE_CHECKING:
    from moniqo_core.services.orders.all_wallets.service import AllOrders
    from moniqo_core.services.orders.live.buy_cancellation import BuyCancellation
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.scheduled_reconciliation import OrderReconciliation
    from moniqo_core.services.orders.opener import OrderOpener
    from moniqo_core.services.orders.paper_evaluation import EvaluationDispatch, OrderEvaluation
    from moniqo_core.services.orders.service import Orders


@cache
def orders() -> Orders:
    """Return the service for orders of users' wallets."""
    from moniqo_core.services.orders.service import Orders

    return Orders(order_opener(), per_minute("orders", bootstrap.settings().orders_per_minute))


@cache
def all_orders() -> AllOrders:
    """Return the service for orders over all wallets of a user."""
    from moniqo_core.services.orders.all_wallets.service import AllOrders

    return AllOrders(bootstrap.database(), bootstrap.wallets())


def order_opener() -> OrderOpener:
    """Return the opener of wallets for order execution."""
    from moniqo_core.services.orders.opener import OrderOpener

    return OrderOpener(bootstrap.wallets(), bootstrap.live_placing)


@cache
def live_placing() -> LivePlacing:
    """Return the service that places live orders."""
    from moniqo_core.services.orders.live.placing import LivePlacing

    return LivePlacing(bootstrap.database(), bootstrap.balance_sync(), live_trading=bootstrap.settings().live_trading)


@cache
def buy_cancellation() -> BuyCancellation:
    """Return the service that cancels buy orders of wallets that were paused or reached a loss limit."""
    from moniqo_core.services.orders.live.buy_cancellation import BuyCancellation

    return BuyCancellation(bootstrap.database(), bootstrap.wallets())


@cache
def order_reconciliation() -> OrderReconciliation:
    """Return the service that reconciles live orders with their venues."""
    from moniqo_core.services.orders.live.scheduled_reconciliation import OrderReconciliation

    return OrderReconciliation(bootstrap.database(), bootstrap.wallets())


@cache
def order_evaluation() -> OrderEvaluation:
    """Return the service that evaluates open paper orders."""
    from moniqo_core.services.orders.paper_evaluation import OrderEvaluation

    return OrderEvaluation(bootstrap.wallets())


@cache
def evaluation_dispatch() -> EvaluationDispatch:
    """Return the service that queues the wallets to evaluate."""
    from moniqo_core.services.orders.paper_evaluation import EvaluationDispatch
    from moniqo_core.services.shared.work_queue import WorkQueue

    return EvaluationDispatch(due_wallets(), WorkQueue(bootstrap.settings().need("evaluation_queue_url")))
