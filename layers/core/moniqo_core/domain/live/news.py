"""What about a live order is news, and so an entry of its wallet's journal."""

from __future__ import annotations

from dataclasses import replace

from moniqo_core.domain.live.order import LiveOrder


def is_news(before: LiveOrder, after: LiveOrder) -> bool:
    """Tell whether a change of an order says more than when its venue was queried and will be again."""
    same_queries = replace(
        after,
        version=before.version,
        acknowledged_at=before.acknowledged_at,
        reconcile_at=before.reconcile_at,
        misses=before.misses,
        queries_without_news=before.queries_without_news,
    )
    return same_queries != before
