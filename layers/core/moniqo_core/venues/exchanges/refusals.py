"""Translates the refusals of venues to our own errors. The text of a venue is never repeated.

A venue lists its codes in ``refusals``. The HTTP status decides for codes that are not listed, and the class of CCXT's
exception for calls without an answer. docs/reference/venues.md shows the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from moniqo_core.domain import errors
from moniqo_core.domain.errors import WalletError

MAX_RETRY_AFTER: Final = 3600
DEFAULT_RETRY_AFTER: Final = 10


class Refusal(NamedTuple):
    """The meaning of a code: the class of our error, and our text.

    ``outcome_known`` is False if the venue may have carried out the order anyway. ``hint`` replaces the error's own.
    """

    error: type[WalletError]
    detail: str
    outcome_known: bool = True
    hint: str | None = None

    @property
    def kind(self) -> str:
        """Whether the refusal is ``final``, the same request is ``retryable``, or the outcome is ``unknown``."""
        if not self.outcome_known:
            return "unknown"
        return "retryable" if self.error.retryable else "final"


KEY: Final = Refusal(
    errors.InvalidCredentialsError,
    "The venue does not accept this API key. It may be wrong, revoked, lack a permission,"
    " or not be allowed for the address of this deployment.",
)
CLOCK: Final = Refusal(errors.VenueClockError, "The clocks of this deployment and of the venue differ too much.")
RATE_LIMIT: Final = Refusal(errors.RateLimitExceededError, "The venue accepts no more requests for now.")
BUSY: Final = Refusal(errors.TemporarilyUnavailableError, "The venue is too busy and did not accept the request.")
MAINTENANCE: Final = Refusal(errors.TemporarilyUnavailableError, "The venue is closed for maintenance.")
VENUE_FAILURE: Final = Refusal(errors.WalletConnectionError, "The venue failed to answer.", outcome_known=False)
UNLISTED: Final = Refusal(
    errors.WalletConnectionError, "The venue answered with a code that this service does not know.", outcome_known=False
)
UNREADABLE_ROW: Final = Refusal(
    errors.WalletConnectionError,
    "The venue has this order, but of a kind that this service cannot read.",
    hint="Look at the order at the venue.",
)
UNKNOWN_REASON: Final = Refusal(errors.WalletConnectionError, "The venue refused a request for an unknown reason.")
LOCATION: Final = Refusal(
    errors.WalletConnectionError, "The venue does not serve the region this deployment calls from."
)
REDIRECT: Final = Refusal(
    errors.WalletConnectionError, "The venue's address redirects elsewhere. The request was not forwarded."
)
SYMBOL: Final = Refusal(errors.InvalidSymbolError, "The venue does not trade this symbol.")
FUNDS: Final = Refusal(errors.InsufficientBalanceError, "The venue reports that free funds do not cover the order.")
INVALID: Final = Refusal(errors.InvalidOrderError, "The venue does not accept the order in this form.")
SIZE: Final = Refusal(errors.InvalidOrderError, "The order is below the venue's minimum, or does not fit its steps.")
MARKET_CONDITION: Final = Refusal(errors.OrderRejectedError, "The market does not allow this order now.")
PAUSED_MARKET: Final = Refusal(
    errors.OrderRejectedError,
    "The venue has paused this market, or accepts only some orders in it now.",
    hint="Try again when the market trades again. Open orders can still be cancelled.",
)
ACCOUNT: Final = Refusal(
    errors.OrderRejectedError,
    "The venue does not let this account place such an order in this market.",
    hint="Ask the venue what your account may trade. Choose another symbol from GET /markets?user_wallet_id=....",
)
LOCKED: Final = Refusal(
    errors.OrderRejectedError,
    "The venue has locked this account for trading.",
    hint="Ask the venue to unlock the account. Nothing was placed.",
)
DISABLED: Final = Refusal(
    errors.InvalidCredentialsError,
    "The venue has disabled this account, or has not confirmed it yet.",
    hint="Ask the venue to enable the account. Its key can stay as it is.",
)
TOO_MANY_ORDERS: Final = Refusal(
    errors.OrderRejectedError,
    "The account has as many open orders as the venue allows.",
    hint="Cancel an open order, then place this one again.",
)
PRICE_BAND: Final = Refusal(
    errors.OrderRejectedError,
    "The price is too far from the market for the venue.",
    hint="Choose a price nearer to the market. GET /markets/price?symbol=...&user_wallet_id=... shows it.",
)
TRIGGERED: Final = Refusal(
    errors.OrderRejectedError,
    "The market has already passed the stop price.",
    hint="Choose another stop_price, or place a market order.",
)
WOULD_TAKE: Final = Refusal(errors.OrderRejectedError, "The order is post-only and would have filled at once.")
UNFILLABLE: Final = Refusal(errors.OrderRejectedError, "The order could not be filled at once and was not placed.")
DUPLICATE: Final = Refusal(errors.ConflictError, "The venue already has an order with this client id.")
UNKNOWN_ORDER: Final = Refusal(errors.OrderNotFoundError, "The venue has no such order in this account.")
ALREADY_FILLED: Final = Refusal(errors.OrderAlreadyFilledError, "The venue has already filled the order.")
CANCEL_PENDING: Final = Refusal(errors.ConflictError, "The venue is already cancelling the order.")
CANCEL_REFUSED: Final = Refusal(
    errors.ConflictError,
    "The venue did not cancel the order.",
    hint="The order may still fill. Cancel it again in a moment.",
)
CANCEL_FORBIDDEN: Final = Refusal(
    errors.ConflictError,
    "The venue does not let this order be cancelled.",
    hint="The order may still fill. Ask the venue why it cannot be cancelled.",
)

BY_HTTP_STATUS: Final[Mapping[int, Refusal]] = {
    400: UNKNOWN_REASON,
    401: KEY,
    403: LOCATION,
    418: RATE_LIMIT,
    429: RATE_LIMIT,
    451: LOCATION,
    503: VENUE_FAILURE,
}
"""Used if no code of the venue is listed. Other 5xx mean VENUE_FAILURE, other 4xx UNKNOWN_REASON, 3xx REDIRECT."""

_NO_ANSWER: Final = Refusal(errors.WalletConnectionError, "The venue did not answer in time.", outcome_known=False)
_UNREADABLE: Final = Refusal(errors.WalletConnectionError, "The venue's answer could not be read.", outcome_known=False)
_NOT_CONNECTED: Final = Refusal(errors.WalletConnectionError, "The venue could not be reached.")

BY_CCXT_CLASS: Final[Mapping[str, Refusal]] = {
    "RequestTimeout": _NO_ANSWER,
    "ExchangeNotAvailable": _NO_ANSWER,
    "NetworkError": _NO_ANSWER,
    "BadSymbol": SYMBOL,
    "InsufficientFunds": FUNDS,
    "OrderNotFound": UNKNOWN_ORDER,
    "InvalidOrder": INVALID,
    "AuthenticationError": KEY,
    "ArgumentsRequired": INVALID,
    "NotSupported": INVALID,
}
"""By the exception's class or its nearest listed base, for calls that CCXT refuses itself or that got no answer."""


@dataclass(frozen=True, slots=True)
class VenueAnswer:
    """An answer of a venue.

    ``codes`` are the venue's own codes, most specific first. ``readable`` says whether the body was JSON.
    """

    status: int
    headers: Mapping[str, str]
    codes: tuple[str, ...]
    readable: bool


class VenueRefusalError(Exception):
    """A refusal, raised from inside CCXT's calls and from the checks before them."""

    def __init__(self, refusal: Refusal, retry_after: int | None = None, code: str | None = None) -> None:
        """Set the refusal, the seconds to wait before a retry, and the venue's own code for our log."""
        super().__init__(refusal.detail)
        self.refusal = refusal
        self.retry_after = retry_after
        self.code = code

    def as_error(self, address: str | None = None) -> WalletError:
        """Return the error for the caller.

        If the venue refused the key or the location, the hint names ``address``, from which this service calls. It may
        be several, separated by commas.
        """
        error = self.refusal.error(self.refusal.detail, retry_after=self.retry_after, hint=self.refusal.hint)
        if address is not None and self.refusal in {KEY, LOCATION}:
            named = " or ".join(address.split(","))
            error.advice += f" This service calls from {named}, so a key restricted to addresses must allow that."
        return error


@contextmanager
def listing_orders() -> Iterator[None]:
    """Turn the refusal "unknown order" of a request for a list of orders into a failed request.

    Only searching the list shows that an order does not exist.
    """
    try:
        yield
    except VenueRefusalError as refused:
        if refused.refusal is UNKNOWN_ORDER:
            raise VenueRefusalError(UNKNOWN_REASON, code=refused.code) from None
        raise


def is_failure(refusal: Refusal) -> bool:
    """Tell whether the venue failed to answer, so that a read is worth repeating. An unknown code is an answer."""
    return issubclass(refusal.error, errors.WalletConnectionError) and not (
        refusal.outcome_known or refusal is UNLISTED
    )


def find_refusal(answer: VenueAnswer, refusals: Mapping[str, Refusal], now: datetime) -> VenueRefusalError | None:
    """Return the refusal that an answer means, or None for a success."""
    for code in answer.codes:
        if code in refusals:
            return _refuse(refusals[code], answer, now, code)
    failed = answer.status >= 300  # noqa: PLR2004
    if not failed and answer.readable and not answer.codes:
        return None
    code = answer.codes[0] if answer.codes else f"HTTP {answer.status}"
    return _refuse(_by_status(answer) if failed else _unexpected(answer), answer, now, code)


def _by_status(answer: VenueAnswer) -> Refusal:
    status = answer.status
    if status in BY_HTTP_STATUS:
        return BY_HTTP_STATUS[status]
    if status < 400:  # noqa: PLR2004
        return REDIRECT
    return UNKNOWN_REASON if status < 500 else VENUE_FAILURE  # noqa: PLR2004


def _unexpected(answer: VenueAnswer) -> Refusal:
    return UNLISTED if answer.codes else _UNREADABLE


def _refuse(refusal: Refusal, answer: VenueAnswer, now: datetime, code: str) -> VenueRefusalError:
    waits = refusal.error in {errors.RateLimitExceededError, errors.TemporarilyUnavailableError}
    return VenueRefusalError(refusal, retry_after(answer.headers, now) if waits else None, code)


def retry_after(headers: Mapping[str, str], now: datetime) -> int:
    """Return the seconds to wait: those of the header ``Retry-After``, in seconds or as a date, else ten.

    The result is at least one second and at most an hour.
    """
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if given.isascii() and given.isdigit():
        seconds = int(given[:9])
    else:
        try:
            seconds = round((parsedate_to_datetime(given) - now).total_seconds())
        except (ValueError, TypeError):
            seconds = DEFAULT_RETRY_AFTER
    return min(max(seconds, 1), MAX_RETRY_AFTER)


def read_exception(error: Exception) -> VenueRefusalError:
    """Return the refusal that an exception of a call through CCXT means. The exception's text is never used."""
    if isinstance(error, VenueRefusalError):
        return error
    if type(error.__cause__).__name__ in {"ClientConnectorError", "ClientConnectorDNSError", "gaierror"}:
        return VenueRefusalError(_NOT_CONNECTED)
    if isinstance(error, TimeoutError):
        return VenueRefusalError(_NO_ANSWER)
    for kind in type(error).__mro__:
        if kind.__module__.startswith("ccxt") and kind.__name__ in BY_CCXT_CLASS:
            return VenueRefusalError(BY_CCXT_CLASS[kind.__name__])
    return VenueRefusalError(_UNREADABLE, code=type(error).__name__)
