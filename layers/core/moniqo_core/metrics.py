"""The CloudWatch metrics of workers. Powertools writes one line of embedded metric format per invocation.

Functions that answer HTTP publish none, because importing Powertools is slow and the gateway measures them anyway.
"""

from __future__ import annotations

from typing import Final

from moniqo_core.config import Settings

UNITS: Final = {
    "WalletsDue": "Count",
    "WalletsSynced": "Count",
    "WalletsFailed": "Count",
    "WalletsPutOff": "Count",
    "WalletsMended": "Count",
    "BalancesUnexplained": "Count",
    "SyncDuration": "Milliseconds",
    "EvaluationsDue": "Count",
    "WalletsEvaluated": "Count",
    "EvaluationsPutOff": "Count",
    "OrdersLookedAt": "Count",
    "OrdersPutOff": "Count",
    "FingerprintsCompleted": "Count",
    "CredentialsMoved": "Count",
    "CredentialsUnreadable": "Count",
    "CredentialsLeft": "Count",
    "KeyAge": "Seconds",
}


def publish(settings: Settings, **numbers: float) -> None:
    """Write ``numbers``, named as in :data:`UNITS`. Their dimensions are this deployment's service and environment."""
    from aws_lambda_powertools.metrics import EphemeralMetrics

    metrics = EphemeralMetrics(namespace=settings.metrics_namespace, service=settings.service_name)
    metrics.add_dimension("environment", settings.environment)
    for name, number in numbers.items():
        metrics.add_metric(name, UNITS[name], number)
    metrics.flush_metrics()
