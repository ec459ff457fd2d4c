"""Evaluate the resting orders of many paper wallets on a schedule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from types import TracebackType
from typing import Final, NamedTuple, Protocol

from moniqo_core.domain.errors import TemporarilyUnavailableError, WalletError
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.services.shared.work_queue import CALLS_AT_ONCE, MESSAGES_PER_CALL, WorkQueue
from moniqo_core.services.sync.messages import WALLETS_PER_MESSAGE, write_messages
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.wallets.connector import WalletConnector

log: Final = logging.getLogger("moniqo")

MAX_AT_ONCE: Final = 10
WALLETS_AT_ONCE: Final = WALLETS_PER_MESSAGE * MESSAGES_PER_CALL * CALLS_AT_ONCE
SECONDS_PER_WALLET: Final = 10.0
EVALUATE_HOLDINGS_EVERY: Final = timedelta(hours=1)
"""How often wallets without open orders are evaluated, so that their equity and loss limits follow the market."""


class EvaluationOutcome(Enum):
    """The result of evaluating one wallet."""

    DONE = auto()
    POSTPONED = auto()
    """A price was missing or the time ran out. The next scheduled run continues."""
    UNSTORED = auto()
    """The result could not be stored, or the evaluation failed unexpectedly. The message is to be delivered again."""


class EvaluationReport(NamedTuple):
    """The numbers of wallets evaluated and postponed, and the ids of wallets to deliver again."""

    evaluated: int
    postponed: int
    unstored: frozenset[str]


class PaperAccount(Protocol):
    """A paper wallet whose resting orders can be evaluated."""

    user_wallet_id: str

    async def __aenter__(self) -> object:
        """Open the account."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the account."""

    async def evaluate(self) -> bool:
        """Evaluate resting orders along the price path. Returns False if it stopped short of now."""


class OrderEvaluation:
    """Evaluates wallets. If one does not reach the present, the next scheduled run continues it."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def evaluate(self, user_wallet_ids: Sequence[str]) -> EvaluationReport:
        """Evaluate these wallets, each over at most eight days of price path.

        It takes one round trip for all wallets, and one commit more for each wallet with a change: a fill, an expiry, a
        trigger, or an hour of path without changes.
        """
        wallets = await self._connector.connect_accounts(user_wallet_ids)
        outcomes = await gather_bounded(_evaluate, wallets, MAX_AT_ONCE)
        found = zip(wallets, outcomes, strict=True)
        unstored = frozenset(
            wallet.user_wallet_id for wallet, outcome in found if outcome is EvaluationOutcome.UNSTORED
        )
        return EvaluationReport(
            outcomes.count(EvaluationOutcome.DONE), outcomes.count(EvaluationOutcome.POSTPONED), unstored
        )


async def _evaluate(wallet: PaperAccount) -> EvaluationOutcome:
    try:
        async with asyncio.timeout(SECONDS_PER_WALLET), wallet:
            await wallet.evaluate()
    except TemporarilyUnavailableError:
        return EvaluationOutcome.UNSTORED
    except (WalletError, TimeoutError) as error:
        log.warning("evaluation postponed", extra={"fields": _fields(wallet, error)})
        return EvaluationOutcome.POSTPONED
    except Exception as error:
        if not is_outage(error):
            log.exception("evaluation failed", extra={"fields": _fields(wallet, error)})
        return EvaluationOutcome.UNSTORED
    return EvaluationOutcome.DONE


def _fields(wallet: PaperAccount, error: BaseException) -> dict[str, str]:
    return {"user_wallet_id": wallet.user_wallet_id, "reason": type(error).__name__}


class EvaluationDispatch:
    """Finds wallets whose orders are due for evaluation and queues them, up to 25 per message."""

    def __init__(self, wallets: DueWallets, queue: WorkQueue) -> None:
        """Read from ``wallets`` and send to ``queue``."""
        self._wallets = wallets
        self._queue = queue

    async def dispatch(self, scheduled: datetime) -> int:
        """Queue every wallet that is due at ``scheduled`` and return their number."""
        count = 0
        async for ids in self._wallets.to_evaluate_ids(scheduled - EVALUATE_HOLDINGS_EVERY, WALLETS_AT_ONCE):
            await self._queue.send(write_messages(scheduled, ids))
            count += len(ids)
        return count
