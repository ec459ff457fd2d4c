"""Cancel the open orders of a symbol, or every open order."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, NotFoundError, ValidationError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.several_orders import CancelledView
from moniqo_core.http.schemas.orders.views import order_view

router = api_router()


@router.delete(
    "/wallets/{user_wallet_id}/orders",
    tags=["Orders"],
    summary="Cancel open orders",
    responses={
        200: {"model": CancelledView, "description": "The cancelled orders."},
        **problem_responses(NotFoundError, InvalidSymbolError, WalletConnectionError),
    },
)
async def cancel_orders(
    user_wallet_id: str,
    caller: CallerDep,
    symbol: Annotated[str | None, Query(max_length=40, description="Cancel the orders of this symbol.")] = None,
    everything: Annotated[bool, Query(alias="all", description="Cancel the orders of every symbol.")] = False,
) -> Response:
    """Cancel every open order of a symbol, or of all symbols with `all=true`. Paper orders end in one commit."""
    if (symbol is None) != everything:
        raise _not_one_of(symbol)
    cancelled = await bootstrap.orders().cancel_all(caller.user_id, user_wallet_id, symbol)
    return json_response(CancelledView(cancelled=[order_view(item) for item in cancelled]))


def _not_one_of(symbol: str | None) -> ValidationError:
    """Return the refusal of a request that gives both parameters, or none."""
    missing = symbol is None
    return ValidationError(
        "The request does not say which orders to cancel." if missing else "The request gives both symbol and all.",
        errors=[
            {
                "field": "symbol" if missing else "all",
                "message": "Give either symbol or all=true.",
                "code": "missing" if missing else "symbol_or_all",
            }
        ],
        error_count=1,
        hint="Add ?symbol=BTC/USDT to cancel the orders of one symbol, or ?all=true to cancel all open orders.",
    )
