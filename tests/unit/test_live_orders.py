"""The states of an order at a venue: any sequence of reports leads the record to the state at the venue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.domain.live.order import SEND_WITHIN, LiveOrder, VenueReport
from moniqo_core.domain.live.order_updates import (
    ABSENCE_REASONS,
    ACCEPTANCE_WINDOW,
    NOT_FOUND,
    QUERIES_BEFORE_REJECTION,
    acknowledged,
    intend,
    not_found,
    outcome_unknown,
    refused,
    unanswered,
    with_fills,
)
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.status_history import MAX_STATUS_HISTORY

D = Decimal
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
STEPS = 10
ENDS = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED)


def intent() -> LiveOrder:
    order = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, D(STEPS), price=D(50000), client_order_id="mine")
    return intend(order, user_wallet_id="w", user_id="u", venue="v", seq=1, venue_client_id="ff", token="t", now=NOW)


def report(filled: int, status: OrderStatus | None = OrderStatus.OPEN) -> VenueReport:
    return VenueReport("v-1", status, D(STEPS), D(filled), D(filled) * 50000, D(filled), "USDT")


def fills(order: LiveOrder, amount: Decimal) -> list[Fill]:
    level = (PriceLevel(D(50000), amount),)
    return [
        Fill("1", order.order_id, "BTC/USDT", OrderSide.BUY, amount, amount * 50000, level, D(1), "USDT", None, NOW)
    ]


def test_new_order_is_pending_and_reconciled_after_its_send_deadline() -> None:
    order = intent()

    assert order.status is OrderStatus.PENDING
    assert order.reconcile_at is not None
    assert order.reconcile_at > order.send_by


def test_refusal_rejects_the_order_and_releases_its_client_order_id() -> None:
    order = refused(intent(), "INSUFFICIENT_BALANCE", NOW)

    assert (order.status, order.holds_client_id, order.reconcile_at) == (OrderStatus.REJECTED, False, None)
    assert order.reason == "INSUFFICIENT_BALANCE"


def test_missing_answer_makes_order_unknown_and_keeps_client_order_id() -> None:
    order = outcome_unknown(intent(), NOW)

    assert (order.status, order.holds_client_id) == (OrderStatus.UNKNOWN, True)


def test_absent_order_is_rejected_only_after_the_acceptance_window() -> None:
    order, now = outcome_unknown(intent(), NOW), NOW
    while now + timedelta(seconds=1) < NOW + SEND_WITHIN + ACCEPTANCE_WINDOW:
        now += timedelta(seconds=1)
        order = not_found(order, now)
        assert order.status is OrderStatus.UNKNOWN
    order = not_found(order, NOW + SEND_WITHIN + ACCEPTANCE_WINDOW)

    assert (order.status, order.reason, order.reconcile_at) == (OrderStatus.REJECTED, NOT_FOUND, None)
    assert order.holds_client_id


def test_single_query_after_the_window_does_not_reject() -> None:
    order, late = outcome_unknown(intent(), NOW), NOW + timedelta(hours=1)
    for _ in range(QUERIES_BEFORE_REJECTION - 1):
        order = not_found(order, late)

    assert order.status is OrderStatus.UNKNOWN
    assert not_found(order, late).status is OrderStatus.REJECTED


def test_waits_for_an_order_of_unknown_outcome_double_up_to_five_minutes() -> None:
    order, now, waits = outcome_unknown(intent(), NOW), NOW, list[float]()
    for _ in range(13):
        assert order.reconcile_at is not None
        waits.append((order.reconcile_at - now).total_seconds())
        now = order.reconcile_at
        order = unanswered(order, now)

    assert waits == [5, 10, 20, 40, 80, 160, *[300] * 7]


def test_waits_for_an_order_that_is_not_found_double() -> None:
    order, now, waits = outcome_unknown(intent(), NOW), NOW, list[float]()
    for _ in range(5):
        assert order.reconcile_at is not None
        waits.append((order.reconcile_at - now).total_seconds())
        now = order.reconcile_at
        order = not_found(order, now)

    assert waits == [5, 10, 20, 40, 80]


def test_order_found_later_reverses_a_not_found_rejection() -> None:
    order = outcome_unknown(intent(), NOW)
    for _ in range(QUERIES_BEFORE_REJECTION):
        order = not_found(order, NOW + timedelta(hours=1))
    order = acknowledged(order, report(STEPS, OrderStatus.FILLED), NOW + timedelta(hours=2))

    assert (order.status, order.reason) == (OrderStatus.FILLED, None)


def test_older_report_changes_nothing() -> None:
    order = acknowledged(intent(), report(5, OrderStatus.PARTIALLY_FILLED), NOW)

    assert acknowledged(order, report(2, OrderStatus.PARTIALLY_FILLED), NOW).filled_amount == 5
    assert acknowledged(order, report(0), NOW).status is OrderStatus.PARTIALLY_FILLED


def test_acceptance_without_status_makes_the_order_open() -> None:
    assert acknowledged(intent(), report(0, None), NOW).status is OrderStatus.OPEN


def test_order_is_reconciled_until_its_fills_are_stored() -> None:
    order = acknowledged(intent(), report(STEPS, OrderStatus.FILLED), NOW)
    assert order.reconcile_at is not None

    order = with_fills(order, fills(order, D(STEPS)), NOW)
    assert order.reconcile_at is None


def test_reconciliation_stops_when_fills_never_arrive() -> None:
    order = acknowledged(intent(), report(STEPS, OrderStatus.FILLED), NOW)
    looks = 0
    while order.reconcile_at is not None:
        order, looks = acknowledged(order, report(STEPS, OrderStatus.FILLED), order.reconcile_at), looks + 1

    assert 5 < looks < 20


def test_old_open_order_is_reconciled_less_often() -> None:
    young = acknowledged(intent(), report(0), NOW)
    old = acknowledged(intent(), report(0), NOW + timedelta(days=1))

    assert young.reconcile_at == NOW + timedelta(minutes=1)
    assert old.reconcile_at == NOW + timedelta(days=1, minutes=5)


def test_order_forgotten_by_the_venue_expires() -> None:
    order = acknowledged(intent(), report(0), NOW)
    assert not_found(not_found(order, NOW), NOW).status is OrderStatus.OPEN
    for _ in range(QUERIES_BEFORE_REJECTION):
        order = not_found(order, NOW + timedelta(days=90))

    assert (order.status, order.reason) == (OrderStatus.EXPIRED, "forgotten_by_venue")


@given(st.lists(st.sampled_from(["open", "partial"]), min_size=MAX_STATUS_HISTORY, max_size=60))
def test_status_history_is_bounded_and_keeps_its_first_entry(steps: list[str]) -> None:
    order = intent()
    for number, step in enumerate(steps):
        at = NOW + timedelta(seconds=number)
        # A venue that contradicts itself: back from partly filled to open is not believed, so force it.
        order = acknowledged(replace(order, status=OrderStatus.UNKNOWN), report(step == "partial"), at)

    assert len(order.status_history) <= MAX_STATUS_HISTORY
    assert order.status_history[0] == (OrderStatus.PENDING, NOW)


Event = Callable[[LiveOrder, datetime], LiveOrder]


def _telling(told: VenueReport) -> Event:
    return lambda order, now: acknowledged(order, told, now)


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[tuple[Event, int]], VenueReport | None]:
    """All reports about an order, in any sequence, and its final state at the venue, None when it has none."""
    exists = draw(st.booleans())
    final = report(draw(st.integers(0, STEPS)), draw(st.sampled_from(ENDS))) if exists else None
    if final is not None and final.status is OrderStatus.FILLED:
        final = report(STEPS, OrderStatus.FILLED)
    quiet: list[Event] = [outcome_unknown, not_found, unanswered]
    events: list[tuple[Event, int]] = []
    for _ in range(draw(st.integers(0, 25))):
        seconds = draw(st.integers(0, 400))
        if final is not None and draw(st.booleans()):
            filled = draw(st.integers(0, int(final.filled_amount)))
            told = final if draw(st.booleans()) else report(filled)
            events.append((_telling(told), seconds))
        else:
            events.append((draw(st.sampled_from(quiet)), seconds))
    return events, final


@given(lives())
def test_any_sequence_of_reports_ends_in_the_venue_state(
    life: tuple[list[tuple[Event, int]], VenueReport | None],
) -> None:
    events, final = life
    order, now = intent(), NOW
    for learn, seconds in events:
        now += timedelta(seconds=seconds)
        before, order = order, learn(order, now)
        assert order.filled_amount >= before.filled_amount
        assert (order.reconcile_at is None) <= order.has_ended
        if before.has_ended and before.reason not in ABSENCE_REASONS:
            assert (order.status, order.filled_amount) == (before.status, before.filled_amount)
    # Nothing keeps it from ending: the looks that are due go on until there is nothing left to learn.
    for _ in range(60):
        if order.reconcile_at is None:
            break
        now = max(now, order.reconcile_at)
        if final is None:
            order = not_found(order, now)
        else:
            order = acknowledged(order, final, now)
            order = with_fills(order, fills(order, order.filled_amount), now)

    assert order.reconcile_at is None
    if final is None:
        assert order.status is OrderStatus.REJECTED
    elif order.reason not in ABSENCE_REASONS:  # the looks said for long that there was none, and none came after
        assert (order.status, order.filled_amount) == (final.status, final.filled_amount)


@pytest.mark.parametrize("status", ENDS)
def test_ended_order_cannot_be_refused_later(status: OrderStatus) -> None:
    order = acknowledged(intent(), report(STEPS, status), NOW)

    assert refused(order, "ORDER_REJECTED", NOW).status is status


def test_fills_that_the_venue_never_tells_are_asked_for_ten_times() -> None:
    order, queries = acknowledged(intent(), report(STEPS, OrderStatus.FILLED), NOW), 0
    while order.reconcile_at is not None:
        queries += 1
        order = with_fills(order, [], order.reconcile_at)
    assert (order.status, order.lacks_fills, queries) == (OrderStatus.FILLED, True, 10)
