"""Limits of time and count that clients and operators rely on, as plain numbers.

Other tests use the constants, so a changed constant would pass them. This table notices it.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

PROMISED: dict[str, Any] = {
    "credentials.key_source.CACHE_SECONDS": 300,
    "credentials.key_source.FORCED_REFRESH_SECONDS": 1,
    "credentials.key_source.CALL_TIMEOUT_SECONDS": 10,
    "credentials.key_rotation.NOTICE": 10 * MINUTE,
    "domain.live.order.SEND_WITHIN": 10 * SECOND,
    "domain.live.order_updates.ACCEPTANCE_WINDOW": 3 * MINUTE,
    "domain.live.order_updates.QUERIES_BEFORE_REJECTION": 3,
    "domain.live.order_updates.QUERIES_FOR_FILLS": 10,
    "domain.live.query_schedule.YOUNG_ORDER_AGE": HOUR,
    "domain.live.query_schedule.YOUNG_ORDER_DELAY": MINUTE,
    "domain.live.loss_limits.RECENT_EQUITY_AGE": DAY,
    "domain.market.snapshot_checks.CLOCK_TOLERANCE": SECOND,
    "domain.matching.resting_orders.MAX_PARTICIPATION": Decimal("0.1"),
    "domain.matching.slippage.MAX_SLIPPAGE": Decimal("0.05"),
    "domain.money.MAX_DECIMAL_PLACES": 18,
    "domain.money.MAX_INTEGER_DIGITS": 18,
    "domain.orders.field_rules.MAX_TRAIL_PERCENT": 50,
    "domain.orders.open_order_limit.MAX_OPEN_ORDERS": 500,
    "domain.sync.outcome_rules.FAILURES_UNTIL_ERROR": 5,
    "domain.sync.retry_delay.FIRST_RETRY": 5 * MINUTE,
    "domain.sync.retry_delay.SLOWEST_RETRY": 6 * HOUR,
    "feeds.venue_feed.CRYPTO_MAX_AGE": 2 * SECOND,
    "feeds.venue_feed.STOCKS_MAX_AGE": 15 * SECOND,
    "http.app.MAX_BODY_BYTES": 262_144,
    "http.json_body.MAX_DEPTH": 32,
    "http.pagination.DEFAULT_LIMIT": 50,
    "http.pagination.MAX_LIMIT": 100,
    "http.tokens.KEYS_FRESH_SECONDS": 3600,
    "http.tokens.REFETCH_SECONDS": 30,
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


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_limit_is_the_promised_number(name: str) -> None:
    module, _, constant = name.rpartition(".")

    assert getattr(import_module(f"moniqo_core.{module}"), constant) == PROMISED[name]
