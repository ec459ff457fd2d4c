"""The sync soak at the size for every change: a hundred accounts, one worker, one period and the recovery."""

from __future__ import annotations

from tests.soak.sync import Plan, growth, run


def test_healthy_accounts_sync_once_a_period_and_failing_ones_recover() -> None:
    plan = Plan(wallets=110, seed=7, periods=1, workers=1, venues=1, latency=0.02, seconds_per_wallet=6.0)

    report = run(plan)

    assert report.synced == 107 + 110
    assert report.tried == 3
    assert report.recovered == 3
    assert report.deliveries > 2 * 5  # some messages came twice
    assert max(map(growth, report.memory)) < 15
