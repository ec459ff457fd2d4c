"""The level of a pause: which orders a paused wallet still accepts, and the refusal of the others."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from moniqo_core.domain.errors import WalletPausedError
from moniqo_core.domain.orders.order import OrderSide


class PauseLevel(StrEnum):
    """What a paused wallet still does.

    With ``REDUCE_ONLY`` it buys nothing, and selling, closing, protecting and cancelling go on. With ``FULL`` it only
    cancels. Protective exits stay open on both levels.
    """

    REDUCE_ONLY = "reduce_only"
    FULL = "full"


_DETAILS: Final = {
    PauseLevel.REDUCE_ONLY: (
        "The wallet is paused and buys nothing. Selling, closing, protecting and cancelling still work."
    ),
    PauseLevel.FULL: "The wallet is fully paused. Only cancelling works, and protective exits stay open.",
}
_SELL: Final = 'To sell, first send {"level": "reduce_only"} to POST /wallets/{id}/pause.'
_RESUME: Final = 'Resume the wallet: send {"confirm": true} to POST /wallets/{id}/resume. Then place the order again.'
_REPLACE_KEY: Final = (
    "The API key can withdraw funds. Replace it with PUT /wallets/{id}/credentials, then send"
    ' {"confirm": true} to POST /wallets/{id}/resume.'
)
_RAISE_LIMIT: Final = (
    "A loss limit is still reached. Change risk_limits with PATCH /wallets/{id}, then send"
    ' {"confirm": true} to POST /wallets/{id}/resume. A daily limit also ends with the day.'
)


def refuse_while_paused(
    level: PauseLevel, side: OrderSide, reason: str | None, *, limit_reached: bool, key_can_withdraw: bool = False
) -> None:
    """Refuse an order that a paused wallet does not accept.

    ``reason`` is that of the pause. ``limit_reached`` tells that a loss limit is reached now, and ``key_can_withdraw``
    that the API key is refused. In both cases the wallet cannot be resumed yet.

    Raises:
        WalletPausedError: the order buys, or the wallet is fully paused. Its hint names the next step.

    """
    selling = side is OrderSide.SELL
    if selling and level is PauseLevel.REDUCE_ONLY:
        return
    hint = _RAISE_LIMIT if limit_reached else _RESUME
    if selling:
        hint = _SELL
    elif key_can_withdraw:
        hint = _REPLACE_KEY
    raise WalletPausedError(_DETAILS[level], hint=hint, level=level, reason=reason)
