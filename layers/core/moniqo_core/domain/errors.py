"""The errors of the service, one class for each.

A class fixes the stable ``code`` that clients switch on, the HTTP ``status``, a short ``title``, a ``hint`` that tells
how to resolve the error, and whether the same call may succeed later (``retryable``). An instance adds a ``detail`` of
one or two sentences and the numbers that explain it (``members``). Numbers are ``Decimal`` and are serialised as plain
decimal strings.
"""

from __future__ import annotations

from typing import ClassVar


class WalletError(Exception):
    """Base class of every error that the service returns on purpose."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    hint: ClassVar[str] = "Try again. If the error persists, report the request_id."
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str | None = None, *, retry_after: int | None = None, hint: str | None = None, **members: object
    ) -> None:
        """Create the error.

        ``detail`` says what went wrong and defaults to the title. ``retry_after`` is in whole seconds. ``hint``
        replaces the hint of the class. ``members`` are further fields of the response.
        """
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after = retry_after
        self.advice = hint or self.hint
        self.members = members


class MalformedRequestError(WalletError):
    """The request body is not valid JSON."""

    code = "MALFORMED_REQUEST"
    status = 400
    title = "Malformed request"
    hint = "Send one JSON object in UTF-8, without duplicate keys, NaN or Infinity."


class UnauthenticatedError(WalletError):
    """The request has no access token, or the token is not valid."""

    code = "UNAUTHENTICATED"
    status = 401
    title = "Not authenticated"
    hint = "Log in again and send the access token as 'Authorization: Bearer ...'."


class ForbiddenError(WalletError):
    """The account does not have permission for this operation."""

    code = "FORBIDDEN"
    status = 403
    title = "Forbidden"
    hint = "Ask an admin, or use an account in the admin group."


class PasswordChangeRequiredError(WalletError):
    """The account must set a new password before it can log in."""

    code = "PASSWORD_CHANGE_REQUIRED"
    status = 403
    title = "Password change required"
    hint = "Set a new password on the sign-in page, then log in again."


class NotFoundError(WalletError):
    """The resource does not exist, or it belongs to another account."""

    code = "NOT_FOUND"
    status = 404
    title = "Not found"
    hint = "GET /wallets lists your wallets. GET /wallets/definitions lists the kinds of wallet that you can connect."


class WalletDeletedError(NotFoundError):
    """The wallet was deleted. Its history is kept."""


class OrderNotFoundError(NotFoundError):
    """The wallet has no such order."""

    hint = "GET /wallets/{id}/orders lists the orders. ?client_order_id=... finds an order by the id you chose."


class ConflictError(WalletError):
    """The request conflicts with the current state of the resource."""

    code = "CONFLICT"
    status = 409
    title = "Conflict"
    hint = "Read the current state, then send the request again if it is still needed."


class AccountTakenError(ConflictError):
    """Another wallet of the same user is connected to this venue account. See ``user_wallet_id``."""

    title = "Venue account in use"
    hint = "Use the wallet that user_wallet_id names. GET /wallets/{id} shows it."


class DuplicateSlugError(ConflictError):
    """Another definition already uses this slug."""

    code = "DUPLICATE_SLUG"
    title = "Slug already in use"
    hint = "Choose another slug, or change the definition that uses it."


class WalletInUseError(ConflictError):
    """The resource cannot be deleted while it is in use."""

    code = "WALLET_IN_USE"
    title = "Wallet in use"
    hint = "Cancel open orders and close positions first, or delete with ?force=true where available."


class WalletPausedError(ConflictError):
    """The wallet is paused and does not accept this order. See ``level``. Cancelling still works."""

    code = "WALLET_PAUSED"
    title = "Wallet paused"
    hint = 'Resume the wallet: send {"confirm": true} to POST /wallets/{id}/resume. Then place the order again.'


class WalletSuspendedError(ConflictError):
    """An admin suspended the wallet. Cancelling still works."""

    code = "WALLET_SUSPENDED"
    title = "Wallet suspended"
    hint = "Ask an admin to reinstate the wallet."


class OrderAlreadyFilledError(ConflictError):
    """The order filled before it could be cancelled."""

    code = "ORDER_ALREADY_FILLED"
    title = "Order already filled"
    hint = "Nothing is left to cancel. The member 'order' shows the final state."


class OrderAlreadyClosedError(ConflictError):
    """The order has already been cancelled, rejected or expired."""

    code = "ORDER_ALREADY_CLOSED"
    title = "Order already closed"
    hint = "Nothing is left to cancel. The member 'order' shows the final state."


class OrderChangedError(ConflictError):
    """The filled amount of the order is not the one that the request expected. ``filled_amount`` is the actual one."""

    code = "ORDER_CHANGED"
    title = "Order changed"
    hint = "Read it with GET /wallets/{id}/orders/{order_id}, then send the change again with its filled_amount."


class ReplaceNotSupportedError(ConflictError):
    """Orders of this wallet cannot be changed in place. The order is as it was."""

    code = "REPLACE_NOT_SUPPORTED"
    title = "Replacing is not supported"
    hint = (
        "Cancel the order with DELETE /wallets/{id}/orders/{order_id}, then place the new one with"
        " POST /wallets/{id}/orders."
    )


class PayloadTooLargeError(WalletError):
    """The request body is larger than 256 KB."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    title = "Payload too large"
    hint = "Send at most 256 KB."


class ValidationError(WalletError):
    """A field or parameter is not valid.

    ``errors`` lists up to 20 faults, each as ``{field, message, code}``. ``error_count`` is the number of all faults.
    """

    code = "VALIDATION_ERROR"
    status = 422
    title = "Validation failed"
    hint = "Correct the fields listed in 'errors'."


class InvalidCredentialsError(WalletError):
    """The credentials of the wallet are missing, malformed or refused by the venue."""

    code = "INVALID_CREDENTIALS"
    status = 422
    title = "Invalid credentials"
    hint = "Check the credentials. To replace stored credentials, use PUT /wallets/{id}/credentials."


class InvalidSymbolError(WalletError):
    """The wallet does not trade this symbol. ``nearest`` is the most similar symbol that the wallet trades, if any."""

    code = "INVALID_SYMBOL"
    status = 422
    title = "Invalid symbol"
    hint = "GET /markets?user_wallet_id=... lists the symbols that a wallet trades."


class SymbolNotFoundError(InvalidSymbolError):
    """The price feed or the venue does not know the symbol, or the venue needs one to list ended orders."""


class InvalidOrderError(WalletError):
    """The order is not valid for its market, for example its tick size, lot size or minimum."""

    code = "INVALID_ORDER"
    status = 422
    title = "Invalid order"
    hint = "Correct the order. GET /markets?user_wallet_id=... shows tick sizes, lot sizes and minimums."


class InsufficientBalanceError(WalletError):
    """Free funds do not cover the order and its fee. See ``needed``, ``available`` and ``asset``."""

    code = "INSUFFICIENT_BALANCE"
    status = 422
    title = "Insufficient balance"
    hint = "Lower the amount, or cancel open orders to release their funds."


class RiskLimitExceededError(WalletError):
    """The order would exceed a risk limit of the wallet. See ``limit_type``, ``limit`` and ``value``."""

    code = "RISK_LIMIT_EXCEEDED"
    status = 422
    title = "Risk limit exceeded"
    hint = "Lower the amount, or change risk_limits with PATCH /wallets/{id}."


class OrderRejectedError(WalletError):
    """The order is valid, but the market does not allow it now. For example, a FOK order cannot fill."""

    code = "ORDER_REJECTED"
    status = 422
    title = "Order rejected"
    hint = "Change the price, the amount or the conditions of the order, or try again later."


class LiveTradingOffError(OrderRejectedError):
    """This deployment sends no live orders at the moment."""

    hint = "Only the operator of this deployment can turn on live trading. Cancelling still works."


class IdempotencyMismatchError(WalletError):
    """The idempotency key was used before with a different body."""

    code = "IDEMPOTENCY_MISMATCH"
    status = 422
    title = "Idempotency key reused"
    hint = "Use a new key for a new request, or repeat the original body with this key."


class RateLimitExceededError(WalletError):
    """Too many requests, open orders or wallets. ``limit`` is the largest number allowed."""

    code = "RATE_LIMIT_EXCEEDED"
    status = 429
    title = "Rate limit exceeded"
    hint = "Wait the number of seconds in Retry-After, then try again."
    retryable = True


class QuotaReachedError(RateLimitExceededError):
    """The limit of wallets or open orders is reached. Waiting alone does not help."""

    retryable = False


class WalletConnectionError(WalletError):
    """The venue could not be reached, or its answer was not valid."""

    code = "WALLET_CONNECTION_ERROR"
    status = 502
    title = "Wallet connection failed"
    hint = "Try again in a moment. POST /wallets/{id}/test-connection tests the connection."
    retryable = True


class UnknownOutcomeError(WalletConnectionError):
    """An order was sent, but its outcome is unknown. Look it up by its client_order_id. Do not send it again."""

    title = "Outcome unknown"
    hint = (
        "Look the order up with GET /wallets/{id}/orders?client_order_id=... before you do anything else."
        " Sending the order again under another id could place it twice."
    )
    retryable = False


class VenueClockError(WalletConnectionError):
    """The venue refused the timestamp of a request. Its clock and ours differ by more than the venue allows."""

    hint = "Try again. If the error persists, report it to the operator of this deployment."


class MarketDataError(WalletError):
    """No fresh and valid price is available."""

    code = "MARKET_DATA_ERROR"
    status = 503
    title = "No usable market data"
    hint = "Nothing was changed. Try again in a few seconds."
    retryable = True


class TemporarilyUnavailableError(WalletError):
    """A system that the service depends on is not available at the moment."""

    code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    title = "Temporarily unavailable"
    hint = "Wait the number of seconds in Retry-After, then try again. Repeat an order with the same client_order_id."
    retryable = True


class WalletNotInitializedError(WalletError):
    """A wallet object was used before ``initialize()`` was called."""

    def __init__(self, detail: str = "Call initialize() first, or use the wallet in an 'async with' block.") -> None:
        """Create the error with a detail that says how to initialize the wallet."""
        super().__init__(detail)


class EncryptionError(TemporarilyUnavailableError):
    """No key is available for encrypting credentials."""


class DecryptionError(InvalidCredentialsError):
    """The stored credentials cannot be decrypted. They were changed, or they belong to another key or wallet."""

    hint = "Store the credentials again with PUT /wallets/{id}/credentials."
