"""The services in :mod:`moniqo_core.services.orders`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap
from moniqo_core.bootstrap.limits import per_minute
from moniqo_core.bootstrap.stores import due_wallets

if TYPE_CHECKING:
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.purchase_stop import PurchaseStop
    from moniqo_core.services.orders.live.reconciliation import OrderReconciliation
    from moniqo_core.services.orders.opener import OrderOpener
    from moniqo_core.services.orders.paper_evaluation import EvaluationDispatch, OrderEvaluation
    from moniqo_core.services.orders.service import Orders


@cache
def orders() -> Orders:
    """Orders of users' wallets."""
    from moniqo_core.services.orders.service import Orders

    return Orders(order_opener(), per_minute("orders", bootstrap.settings().orders_per_minute))


def order_opener() -> OrderOpener:
    """Opening wallets with their orders."""
    from moniqo_core.services.orders.opener import OrderOpener

    return OrderOpener(bootstrap.wallets(), bootstrap.live_placing)


@cache
def live_placing() -> LivePlacing:
    """Orders at venues."""
    from moniqo_core.services.orders.live.placing import LivePlacing

    return LivePlacing(bootstrap.database(), bootstrap.balance_sync(), live_trading=bootstrap.settings().live_trading)


@cache
def purchase_stop() -> PurchaseStop:
    """Cancelling purchases of wallets that reached a loss limit."""
    from moniqo_core.services.orders.live.purchase_stop import PurchaseStop

    return PurchaseStop(bootstrap.database(), bootstrap.wallets())


@cache
def order_reconciliation() -> OrderReconciliation:
    """Finding out what became of orders at venues."""
    from moniqo_core.services.orders.live.reconciliation import OrderReconciliation

    return OrderReconciliation(bootstrap.database(), bootstrap.wallets())


@cache
def order_evaluation() -> OrderEvaluation:
    """Letting resting orders meet the market."""
    from moniqo_core.services.orders.paper_evaluation import OrderEvaluation

    return OrderEvaluation(bootstrap.wallets())


@cache
def evaluation_dispatch() -> EvaluationDispatch:
    """Queueing the wallets whose orders are to be evaluated."""
    from moniqo_core.services.orders.paper_evaluation import EvaluationDispatch
    from moniqo_core.services.shared.work_queue import WorkQueue

    return EvaluationDispatch(due_wallets(), WorkQueue(bootstrap.settings().need("evaluation_queue_url")))
