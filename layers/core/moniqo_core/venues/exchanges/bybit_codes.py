"""The error codes of Bybit's REST interface. https://bybit-exchange.github.io/docs/v5/error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moniqo_core.domain.errors import InvalidCredentialsError, WalletConnectionError
from moniqo_core.venues.exchanges import refusals as means
from moniqo_core.venues.exchanges.refusals import Refusal

CLASSIC_ACCOUNT: Final = Refusal(
    InvalidCredentialsError, "The key belongs to a classic account. Only unified trading accounts can be connected."
)
BLOCKED: Final = Refusal(
    WalletConnectionError,
    "The venue does not answer the address of this deployment. It made too many requests, or its region is not served.",
)
NO_CODE: Final = "no retCode"
"""Stands for an answer without a code of the venue."""
FORBIDDEN: Final = "403"
"""Stands for the HTTP status 403, which Bybit sends without a code."""
REFUSALS: Final[Mapping[str, Refusal]] = {
    NO_CODE: means.VENUE_FAILURE,
    FORBIDDEN: BLOCKED,
    "-2015": means.KEY,
    "10000": means.VENUE_FAILURE,
    "10001": means.UNKNOWN_REASON,
    "10002": means.CLOCK,
    "10003": means.KEY,
    "10004": means.KEY,
    "10005": means.KEY,
    "10006": means.RATE_LIMIT,
    "10007": means.KEY,
    "10008": means.KEY,
    "10009": BLOCKED,
    "10010": means.KEY,
    "10014": means.UNKNOWN_REASON,
    "10016": means.VENUE_FAILURE,
    "10017": means.UNKNOWN_REASON,
    "10018": means.RATE_LIMIT,
    "10024": means.LOCATION,
    "10027": means.MARKET_CONDITION,
    "10028": CLASSIC_ACCOUNT,
    "10029": means.SYMBOL,
    "10429": means.RATE_LIMIT,
    "33004": means.KEY,
    "170001": means.VENUE_FAILURE,
    "170007": means.VENUE_FAILURE,
    "170032": means.VENUE_FAILURE,
    "170121": means.SYMBOL,
    "170222": means.RATE_LIMIT,
    "170234": means.VENUE_FAILURE,
}
