"""Every refusal of the service, one class each.

A class fixes the stable ``code`` a client switches on, the HTTP ``status`` it is answered with, a ``title`` that never
changes, a ``hint`` that says what to do next and whether the same call may succeed later (``retryable``). An instance
adds one sentence of ``detail`` and the numbers that explain it (``members``); numbers are given as ``Decimal`` and
written as plain decimal strings by whoever serialises them.
"""

from __future__ import annotations

from typing import ClassVar


class WalletError(Exception):
    """Base of every error the service answers on purpose."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    hint: ClassVar[str] = "Try again; if it happens again, report the request id."
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str | None = None, *, retry_after: int | None = None, hint: str | None = None, **members: object
    ) -> None:
        """Refuse with one sentence of ``detail``; ``retry_after`` is in whole seconds."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after = retry_after
        self.advice = hint or self.hint
        self.members = members


class MalformedRequestError(WalletError):
    """The body is not the JSON it claims to be."""

    code = "MALFORMED_REQUEST"
    status = 400
    title = "Malformed request"
    hint = "Send one JSON object, UTF-8, without duplicate keys, NaN or Infinity."


class UnauthenticatedError(WalletError):
    """No token, or one that does not verify."""

    code = "UNAUTHENTICATED"
    status = 401
    title = "Not authenticated"
    hint = "Log in again and send the access token as 'Authorization: Bearer ...'."


class ForbiddenError(WalletError):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"
    status = 403
    title = "Forbidden"
    hint = "Ask an administrator, or use an account of the admin group."


class PasswordChangeRequiredError(WalletError):
    """The identity provider wants a new password before it hands out tokens."""

    code = "PASSWORD_CHANGE_REQUIRED"
    status = 403
    title = "Password change required"
    hint = "Set a new password on the sign-in page, then log in again."


class NotFoundError(WalletError):
    """There is no such thing, or it belongs to somebody else."""

    code = "NOT_FOUND"
    status = 404
    title = "Not found"
    hint = "Check the id; what belongs to another account is not shown."


class WalletDeletedError(NotFoundError):
    """The wallet was deleted; its history is kept."""


class OrderNotFoundError(NotFoundError):
    """This wallet has no such order."""


class ConflictError(WalletError):
    """The request contradicts the present state."""

    code = "CONFLICT"
    status = 409
    title = "Conflict"
    hint = "Read the present state and decide again."


class DuplicateSlugError(ConflictError):
    """Another definition that is not deleted has this slug."""

    code = "DUPLICATE_SLUG"
    title = "Slug already in use"
    hint = "Choose another slug, or change the definition that has it."


class WalletInUseError(ConflictError):
    """Something still depends on what was to be deleted."""

    code = "WALLET_IN_USE"
    title = "Wallet in use"
    hint = "Close what still uses it first, or delete with force=true where that is offered."


class WalletPausedError(ConflictError):
    """The wallet is paused: it takes no orders, cancelling still works."""

    code = "WALLET_PAUSED"
    title = "Wallet paused"
    hint = "Resume the wallet with POST /wallets/{id}/resume, then place the order again."


class WalletSuspendedError(ConflictError):
    """An administrator suspended the wallet."""

    code = "WALLET_SUSPENDED"
    title = "Wallet suspended"
    hint = "Only an administrator can reinstate the wallet."


class OrderAlreadyFilledError(ConflictError):
    """The order was filled before it could be cancelled."""

    code = "ORDER_ALREADY_FILLED"
    title = "Order already filled"
    hint = "The order is part of the answer; nothing is left to cancel."


class OrderAlreadyClosedError(ConflictError):
    """The order ended before (cancelled, rejected or expired)."""

    code = "ORDER_ALREADY_CLOSED"
    title = "Order already closed"
    hint = "The order is part of the answer; nothing is left to cancel."


class PayloadTooLargeError(WalletError):
    """The body is larger than the service reads."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    title = "Payload too large"
    hint = "Send at most 256 KB."


class ValidationError(WalletError):
    """A field or parameter has the wrong form; ``errors`` lists each as ``{field, message, code}``."""

    code = "VALIDATION_ERROR"
    status = 422
    title = "Validation failed"
    hint = "Correct the fields listed in 'errors'."


class InvalidCredentialsError(WalletError):
    """The credentials of a wallet are missing, malformed or refused by the venue."""

    code = "INVALID_CREDENTIALS"
    status = 422
    title = "Invalid credentials"
    hint = "Check the credential fields of the wallet definition and store them again."


class InvalidSymbolError(WalletError):
    """The symbol does not trade in this wallet."""

    code = "INVALID_SYMBOL"
    status = 422
    title = "Invalid symbol"
    hint = "GET /markets?user_wallet_id=... lists the symbols of this wallet."


class SymbolNotFoundError(InvalidSymbolError):
    """The price feed has never heard of the symbol."""


class InvalidOrderError(WalletError):
    """The order can never be accepted in this form (tick, lot, minimum, missing price)."""

    code = "INVALID_ORDER"
    status = 422
    title = "Invalid order"
    hint = "Change the order as the detail says; GET /markets shows tick, lot and minimums."


class InsufficientBalanceError(WalletError):
    """Free funds do not cover the order and its fee: ``needed``, ``available``, ``asset``."""

    code = "INSUFFICIENT_BALANCE"
    status = 422
    title = "Insufficient balance"
    hint = "Lower the amount, or cancel open orders that lock funds."


class RiskLimitExceededError(WalletError):
    """A limit the owner set for the wallet forbids the order: ``limit_type``, ``limit`` and the value reached."""

    code = "RISK_LIMIT_EXCEEDED"
    status = 422
    title = "Risk limit exceeded"
    hint = "Lower the amount, or change risk_limits with PATCH /wallets/{id}."


class OrderRejectedError(WalletError):
    """The market, not the form of the order, forbids it now (post-only would take, FOK cannot fill)."""

    code = "ORDER_REJECTED"
    status = 422
    title = "Order rejected"
    hint = "The market forbids this order now; change its price, amount or conditions."


class LiveTradingOffError(OrderRejectedError):
    """No order of a live wallet is sent in this deployment for now."""

    hint = "Cancelling works. Only who runs the deployment can turn live trading on."


class IdempotencyMismatchError(WalletError):
    """The idempotency key was used before with another body."""

    code = "IDEMPOTENCY_MISMATCH"
    status = 422
    title = "Idempotency key used with another body"
    hint = "Use a new key for a new request; repeat the same body for the same key."


class RateLimitExceededError(WalletError):
    """Too many requests, or too many open things: ``limit`` says how many."""

    code = "RATE_LIMIT_EXCEEDED"
    status = 429
    title = "Rate limit exceeded"
    hint = "Wait as long as Retry-After says."
    retryable = True


class WalletConnectionError(WalletError):
    """The venue could not be reached or answered nonsense."""

    code = "WALLET_CONNECTION_ERROR"
    status = 502
    title = "Wallet connection failed"
    hint = "Try again in a moment; POST /wallets/{id}/test-connection shows the state of the connection."
    retryable = True


class UnknownOutcomeError(WalletConnectionError):
    """An order was sent and no answer says what became of it: never send it again, look for it by its client id."""

    title = "Outcome unknown"
    hint = "Look the order up before anything else; sending it again could place it twice."
    retryable = False


class VenueClockError(WalletConnectionError):
    """The venue refuses the time a request was signed with: the two clocks differ by more than it allows."""

    hint = "The time of this deployment or of the venue is wrong; try again, then report it."


class MarketDataError(WalletError):
    """There is no price that is fresh and sane enough to trade on."""

    code = "MARKET_DATA_ERROR"
    status = 503
    title = "No usable market data"
    hint = "Nothing was changed; try again in a few seconds."
    retryable = True


class TemporarilyUnavailableError(WalletError):
    """A part the service depends on is away for the moment."""

    code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    title = "Temporarily unavailable"
    hint = "Try again as Retry-After says; use the same client_order_id for an order."
    retryable = True


class WalletNotInitializedError(WalletError):
    """A wallet object was used before ``initialize()``."""

    def __init__(self, detail: str = "call initialize() first, or use the wallet in an 'async with' block") -> None:
        """Say what to do."""
        super().__init__(detail)


class EncryptionError(TemporarilyUnavailableError):
    """No key is available to encrypt credentials with."""


class DecryptionError(InvalidCredentialsError):
    """The stored credentials do not open: other key, other wallet, or tampered with."""

    hint = "Store the credentials again with PUT /wallets/{id}/credentials."
