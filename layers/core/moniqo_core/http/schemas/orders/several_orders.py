"""Several orders in one response: those that closed positions, and those that were cancelled."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from moniqo_core.http.schemas.common import View
from moniqo_core.http.schemas.orders.views import OrderView

_FAILED: Final[JsonDict] = {
    "symbol": "ETH/USDT",
    "code": "MARKET_DATA_ERROR",
    "detail": "The price of ETH/USDT is too old.",
    "hint": "Try again in a few seconds.",
}


class FailedCloseView(View):
    """A position that could not be closed, and why."""

    symbol: Annotated[str, Field(description="The symbol of the position.")]
    code: Annotated[str, Field(description="The code of the error.")]
    detail: Annotated[str, Field(description="What went wrong.")]
    hint: Annotated[str, Field(description="What to do next.")]


class ClosedPositionsView(View):
    """Sell orders that closed positions, and the positions that are still open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [], "failed": [_FAILED]}]})

    items: Annotated[list[OrderView], Field(description="The sell orders.")]
    failed: Annotated[list[FailedCloseView], Field(description="The positions that are still open.")]


class CancelledView(View):
    """Orders that were cancelled, oldest first."""

    cancelled: list[OrderView]
