"""Letting the resting orders of many paper wallets meet the market on a schedule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Final, NamedTuple, Protocol

from moniqo_core.domain.errors import TemporarilyUnavailableError, WalletError
from moniqo_core.services.shared.gather_bounded import gather_bounded
from moniqo_core.services.shared.work_queue import CALLS_AT_ONCE, MESSAGES_PER_CALL, WorkQueue
from moniqo_core.services.sync.messages import WALLETS_PER_MESSAGE, write_messages
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.wallets.connector import WalletConnector

log: Final = logging.getLogger("moniqo")

MAX_AT_ONCE: Final = 10
WALLETS_AT_ONCE: Final = WALLETS_PER_MESSAGE * MESSAGES_PER_CALL * CALLS_AT_ONCE
SECONDS_PER_WALLET: Final = 10.0


class EvaluationOutcome(Enum):
    """What became of the evaluation of one wallet."""

    DONE = auto()
    POSTPONED = auto()
    """There was no price, or no time: the next scheduled run goes on with it."""
    UNSTORED = auto()
    """Another delivery of the same work could help at once."""


class EvaluationReport(NamedTuple):
    """How many wallets were evaluated and how many put off, and which of them are to be delivered again."""

    evaluated: int
    postponed: int
    unstored: frozenset[str]


class PaperAccount(Protocol):
    """A paper wallet whose resting orders can meet the market."""

    user_wallet_id: str

    async def __aenter__(self) -> object:
        """Open the account."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the account."""

    async def evaluate(self) -> bool:
        """Let resting orders meet the path up to now; returns whether it was walked to its end."""


class OrderEvaluation:
    """Evaluates wallets. What one of them does not finish now, the next scheduled run goes on with."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def evaluate(self, user_wallet_ids: Sequence[str]) -> EvaluationReport:
        """Evaluate these wallets, each at most eight days on.

        One round trip for all, and one more for each wallet with something to write down: a fill, an expiry, a trigger,
        or that an hour has passed.
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
    """Finds the wallets whose orders are to be evaluated and queues them, 25 to a message."""

    def __init__(self, wallets: DueWallets, queue: WorkQueue) -> None:
        """Read from ``wallets`` and send to ``queue``."""
        self._wallets = wallets
        self._queue = queue

    async def dispatch(self, scheduled: datetime) -> int:
        """Queue every wallet to evaluate at ``scheduled`` and return how many there were."""
        count = 0
        async for ids in self._wallets.to_evaluate_ids(scheduled, WALLETS_AT_ONCE):
            await self._queue.send(write_messages(scheduled, ids))
            count += len(ids)
        return count
