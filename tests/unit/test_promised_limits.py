"""Limits of time and count that clients and operators rely on, what a field is that nobody gave, and codes of errors.

Other tests use the constants and the defaults, so a changed one would pass them. These tables notice it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from inspect import signature
from typing import Any

import pytest

from moniqo_core.domain import errors

ZERO = Decimal(0)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

PROMISED: dict[str, Any] = {
    "credentials.key_ring.MATERIAL_BYTES": 32,
    "credentials.key_rotation.NOTICE": 10 * MINUTE,
    "credentials.key_source.CACHE_SECONDS": 300,
    "credentials.key_source.CALL_TIMEOUT_SECONDS": 10,
    "credentials.key_source.FORCED_REFRESH_SECONDS": 1,
    "domain.live.loss_limits.RECENT_EQUITY_AGE": DAY,
    "domain.live.loss_limits.SMALLEST_TRANSFER_USD": Decimal("0.01"),
    "domain.live.order.OPEN_WITHIN": SECOND,
    "domain.live.order.SEND_WITHIN": 10 * SECOND,
    "domain.live.order_updates.ACCEPTANCE_WINDOW": 3 * MINUTE,
    "domain.live.order_updates.QUERIES_BEFORE_REJECTION": 3,
    "domain.live.order_updates.QUERIES_FOR_FILLS": 10,
    "domain.live.query_schedule.FIRST_QUERY_DELAY": 5 * SECOND,
    "domain.live.query_schedule.LONGEST_QUERY_DELAY": 5 * MINUTE,
    "domain.live.query_schedule.YOUNG_ORDER_AGE": HOUR,
    "domain.live.query_schedule.YOUNG_ORDER_DELAY": MINUTE,
    "domain.market.candle_search.MOST_QUERIES": 16,
    "domain.market.candles.EARLIEST": datetime(2000, 1, 1, tzinfo=UTC),
    "domain.market.candles.MOST_CANDLES": 1000,
    "domain.market.marks.WIDEST_SPREAD": Decimal("0.1"),
    "domain.market.snapshot_checks.CLOCK_TOLERANCE": SECOND,
    "domain.market.unknown_symbol.MAX_SHOWN": 40,
    "domain.matching.order_book.REMEMBERED_LEVELS": 100,
    "domain.matching.path_walk.RECORD_EVERY": HOUR,
    "domain.matching.resting_orders.MAX_PARTICIPATION": Decimal("0.1"),
    "domain.matching.slippage.BASIS_POINT": Decimal("0.0001"),
    "domain.matching.slippage.MAX_SLIPPAGE": Decimal("0.05"),
    "domain.money.MAX_DECIMAL_PLACES": 18,
    "domain.money.MAX_INTEGER_DIGITS": 18,
    "domain.nearest_name.ALIKE": 0.65,
    "domain.nearest_name.LONGEST": 100,
    "domain.nearest_name.SHORTEST_PART": 3,
    "domain.orders.field_rules.MAX_TRAIL_PERCENT": 50,
    "domain.orders.open_order_limit.MAX_OPEN_ORDERS": 500,
    "domain.orders.status_history.MAX_STATUS_HISTORY": 20,
    "domain.portfolio.performance_figures.DAYS_A_YEAR": 365,
    "domain.sync.account_statement.PRICE_MAY_RETURN": DAY,
    "domain.sync.outcome_rules.FAILURES_UNTIL_ERROR": 5,
    "domain.sync.outcome_rules.SAMPLE_FINAL_AFTER": MINUTE,
    "domain.sync.retry_delay.FIRST_RETRY": 5 * MINUTE,
    "domain.sync.retry_delay.SLOWEST_RETRY": 6 * HOUR,
    "feeds.venue_feed.CRYPTO_MAX_AGE": 2 * SECOND,
    "feeds.venue_feed.STOCKS_MAX_AGE": 15 * SECOND,
    "http.app.MAX_BODY_BYTES": 262_144,
    "http.json_body.MAX_DEPTH": 32,
    "http.pagination.DEFAULT_LIMIT": 50,
    "http.pagination.MAX_LIMIT": 100,
    "http.tokens.verifier.FETCH_SECONDS": 3,
    "http.tokens.verifier.KEYS_FRESH_SECONDS": 3600,
    "http.tokens.verifier.MAX_KEY_SET_BYTES": 262_144,
    "http.tokens.verifier.MAX_TOKEN_LENGTH": 8192,
    "http.tokens.verifier.REFETCH_SECONDS": 30,
    "http.tokens.verifier.SEEN": 256,
    "services.login.ATTEMPTS_PER_ACCOUNT": 10,
    "services.login.ATTEMPTS_PER_ADDRESS": 100,
    "services.login.WINDOW": 5 * MINUTE,
    "services.shared.work_queue.CALLS_AT_ONCE": 4,
    "services.shared.work_queue.MESSAGES_PER_CALL": 10,
    "services.sync.balance_sync.LEASE": MINUTE,
    "services.sync.concurrent_account_queries.AT_ONCE_PER_VENUE": 10,
    "services.sync.messages.WALLETS_PER_MESSAGE": 25,
    "services.wallets.credential_fields.LARGEST_INITIAL_BALANCE": 1_000_000_000_000,
    "storage.equity_points.DAILY_POINTS_KEPT": 1830 * DAY,
    "storage.equity_points.HOURLY_POINTS_KEPT": 90 * DAY,
    "storage.indexes.SYNC_LOG_SECONDS": 2_592_000,
    "storage.market.recorded_minutes.KEPT": 400 * DAY,
    "storage.paper.totals.equity_figures.SETTLED_AFTER": HOUR,
    "venues.connection.MARKETS_MAX_AGE": HOUR,
    "venues.transport.circuit_breaker.FAILURES": 5,
    "venues.transport.circuit_breaker.OUTCOMES": 20,
    "venues.transport.circuit_breaker.SECONDS_KNOWN": 30,
    "venues.transport.circuit_breaker.SECONDS_OPEN": 5,
    "venues.transport.circuit_breaker.SECONDS_PER_PROBE": 2,
    "venues.transport.rate_limiter.LONGEST_WAIT": 4,
    "venues.transport.venue_calls.READ_SECONDS": 10,
    "venues.transport.venue_calls.SEND_SECONDS": 8,
    "wallets.definition_cache.KNOWN_SECONDS": 60,
    "wallets.demo.writer_turns.PATIENCE": 3,
}


DEFAULTS: dict[str, dict[str, Any]] = {
    "domain.ledger.account_draft.AccountDraft": {"usd_rate": Decimal(1)},
    "domain.orders.order.Fill": {"realised": ZERO},
    "domain.portfolio.balance_equation.Flow": {"traded": ZERO, "fees": ZERO, "transferred": ZERO},
    "domain.portfolio.holding.Holding": {"free": ZERO, "locked": ZERO},
    "domain.portfolio.position.Position": {"amount": ZERO, "cost": ZERO, "realised": ZERO, "fees": ZERO},
    "domain.wallets.definition.FeeSchedule": {
        "maker_fee_percent": ZERO,
        "taker_fee_percent": ZERO,
        "withdrawal_fee_percent": ZERO,
    },
    "domain.wallets.definition.Simulation": {"slippage_bps": Decimal(5)},
    "domain.wallets.results.WalletPosition": {"cost": ZERO},
    "domain.wallets.results.OrderResult": {"filled_quote": ZERO},
    "domain.ledger.account.Account": {"opening": ZERO, "peak": ZERO, "deleted": False, "paused_by_limit": False},
    "domain.ledger.account.OpenOrderTotals": {"buying": ZERO, "expiring": 0, "orders": 0},
    "domain.ledger.commit.MarketContext": {"is_open": True},
    "domain.live.order.LiveOrder": {
        "filled_amount": ZERO,
        "filled_quote": ZERO,
        "fee": ZERO,
        "stored_fill_amount": ZERO,
        "holds_client_id": True,
        "misses": 0,
        "queries_without_news": 0,
        "version": 1,
    },
    "domain.market.candles.CandleQuery": {"include_open": False, "limit": 50},
    "domain.orders.order.Order": {
        "filled_amount": ZERO,
        "filled_quote": ZERO,
        "fee_accrued": ZERO,
        "fee": ZERO,
        "locked": ZERO,
        "fill_count": 0,
        "reduce_only": False,
        "triggered": False,
    },
    "domain.orders.record.OrderRecord": {"replayed": False},
    "domain.orders.request.OrderRequest": {"post_only": False, "reduce_only": False},
    "domain.portfolio.valuation.Valuation": {"firm": True},
    "domain.risk.limits.RiskLimits": {
        "stop_loss_default_percent": Decimal(2),
        "take_profit_default_percent": Decimal(5),
        "respect_market_hours": False,
    },
    "domain.sync.account_statement.AccountStatement": {"api_calls": 0},
    "domain.sync.outcome.SyncLogEntry": {"api_calls": 0, "assets_count": 0},
    "domain.sync.outcome.SyncOutcome": {"corrected": False, "epoch": 1},
    "domain.wallets.definition.ApiConfig": {"requires_api_key": True, "requires_signature": True},
    "domain.wallets.definition.Capabilities": {
        "futures_trading": False,
        "margin_trading": False,
        "options_trading": False,
        "spot_trading": True,
    },
    "domain.wallets.definition.CredentialField": {"is_encrypted": True, "is_required": True},
    "domain.wallets.definition.Definition": {
        "is_active": True,
        "is_demo": False,
        "order": 0,
        "requires_kyc": False,
        "supports_all_symbols": False,
    },
    "domain.wallets.definition.Leverage": {"adjustable": False, "available": False},
    "domain.wallets.lifecycle_commands.DeleteWallet": {"force": False},
    "domain.wallets.user_wallet.BalanceSnapshot": {"firm": True, "partial": False},
    "domain.wallets.user_wallet.ConnectionState": {"is_connected": False, "retry_count": 0},
    "domain.wallets.user_wallet.SyncStatistics": {"failed_syncs": 0, "total_syncs": 0},
    "domain.wallets.user_wallet.UserWallet": {
        "buys_stopped": False,
        "credentials_version": 1,
        "has_open_orders": False,
    },
}


ERRORS: dict[str, tuple[str, int, bool]] = {
    "AccountTakenError": ("CONFLICT", 409, False),
    "ConflictError": ("CONFLICT", 409, False),
    "DecryptionError": ("INVALID_CREDENTIALS", 422, False),
    "DuplicateSlugError": ("DUPLICATE_SLUG", 409, False),
    "EncryptionError": ("TEMPORARILY_UNAVAILABLE", 503, True),
    "ForbiddenError": ("FORBIDDEN", 403, False),
    "IdempotencyMismatchError": ("IDEMPOTENCY_MISMATCH", 422, False),
    "InsufficientBalanceError": ("INSUFFICIENT_BALANCE", 422, False),
    "InvalidCredentialsError": ("INVALID_CREDENTIALS", 422, False),
    "InvalidOrderError": ("INVALID_ORDER", 422, False),
    "InvalidSymbolError": ("INVALID_SYMBOL", 422, False),
    "LiveTradingOffError": ("ORDER_REJECTED", 422, False),
    "MalformedRequestError": ("MALFORMED_REQUEST", 400, False),
    "MarketDataError": ("MARKET_DATA_ERROR", 503, True),
    "NotFoundError": ("NOT_FOUND", 404, False),
    "OrderAlreadyClosedError": ("ORDER_ALREADY_CLOSED", 409, False),
    "OrderAlreadyFilledError": ("ORDER_ALREADY_FILLED", 409, False),
    "OrderChangedError": ("ORDER_CHANGED", 409, False),
    "OrderNotFoundError": ("NOT_FOUND", 404, False),
    "OrderRejectedError": ("ORDER_REJECTED", 422, False),
    "PasswordChangeRequiredError": ("PASSWORD_CHANGE_REQUIRED", 403, False),
    "PayloadTooLargeError": ("PAYLOAD_TOO_LARGE", 413, False),
    "QuotaReachedError": ("RATE_LIMIT_EXCEEDED", 429, False),
    "RateLimitExceededError": ("RATE_LIMIT_EXCEEDED", 429, True),
    "ReplaceNotSupportedError": ("REPLACE_NOT_SUPPORTED", 409, False),
    "RiskLimitExceededError": ("RISK_LIMIT_EXCEEDED", 422, False),
    "SymbolNotFoundError": ("INVALID_SYMBOL", 422, False),
    "TemporarilyUnavailableError": ("TEMPORARILY_UNAVAILABLE", 503, True),
    "UnauthenticatedError": ("UNAUTHENTICATED", 401, False),
    "UnknownOutcomeError": ("WALLET_CONNECTION_ERROR", 502, False),
    "ValidationError": ("VALIDATION_ERROR", 422, False),
    "VenueClockError": ("WALLET_CONNECTION_ERROR", 502, True),
    "WalletConnectionError": ("WALLET_CONNECTION_ERROR", 502, True),
    "WalletDeletedError": ("NOT_FOUND", 404, False),
    "WalletError": ("INTERNAL_ERROR", 500, False),
    "WalletInUseError": ("WALLET_IN_USE", 409, False),
    "WalletNotInitializedError": ("INTERNAL_ERROR", 500, False),
    "WalletPausedError": ("WALLET_PAUSED", 409, False),
    "WalletSuspendedError": ("WALLET_SUSPENDED", 409, False),
}
"""The code, the status and whether a repeat may help, by class."""


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_limit_is_the_promised_number(name: str) -> None:
    module, _, constant = name.rpartition(".")

    assert getattr(import_module(f"moniqo_core.{module}"), constant) == PROMISED[name]


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_field_that_nobody_gave_is_the_promised_value(name: str) -> None:
    module, _, kind = name.rpartition(".")
    parameters = signature(getattr(import_module(f"moniqo_core.{module}"), kind)).parameters
    defaults = {field: parameter.default for field, parameter in parameters.items()}
    assert {field: value for field, value in defaults.items() if type(value) in {bool, int, Decimal}} == DEFAULTS[name]


def test_errors_have_the_promised_codes() -> None:
    found = {
        name: (kind.code, kind.status, kind.retryable)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.WalletError)
    }
    assert found == ERRORS
