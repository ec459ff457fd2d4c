"""Which change of a wallet's status is allowed, and what follows a suspension."""

from __future__ import annotations

from moniqo_core.domain.errors import ConflictError, WalletSuspendedError
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus


def check_status_change(current: str, level: PauseLevel | None, change: SetStatus) -> None:
    """Refuse a change of status that the caller may not make.

    Owners pause and resume. Only an admin suspends and reinstates. ``level`` is the level of a paused wallet. Such a
    wallet may be paused again at the other level.

    Raises:
        WalletSuspendedError: the wallet is suspended and an owner wants to change that.
        ConflictError: the wallet already has the wanted status, or is not suspended although the suspension is to be
            lifted.

    """
    if current == "suspended" and change.by != "admin":
        raise WalletSuspendedError("The wallet is suspended.", wallet_status=current)
    if change.status == current and change.level in {None, level}:
        raise ConflictError(f"The wallet is already {current}.", wallet_status=current, hint="Nothing is left to do.")
    if change.status == "active" and change.by == "admin":
        check_suspended(current)


def check_suspended(current: str) -> None:
    """Raise ConflictError for a wallet that is not suspended."""
    if current != UserWalletStatus.SUSPENDED:
        raise ConflictError(f"The wallet is {current}, not suspended.", wallet_status=current)


def check_pause_unchanged(command: object, read: PauseLevel | None, status: str, stored: PauseLevel | None) -> None:
    """Refuse an owner's resume if the wallet was paused on another level since it was read.

    ``read`` is the level as the request read it, None if the wallet was not paused then. ``status`` and ``stored`` are
    what it has now. A command of another kind passes.

    Raises:
        ConflictError: the pause was changed meanwhile, and stays.

    """
    resumes = isinstance(command, SetStatus) and command.status == UserWalletStatus.ACTIVE and command.by == "owner"
    if resumes and status == UserWalletStatus.PAUSED and read not in {None, stored}:
        raise ConflictError(
            f"The pause was changed to {stored} while the wallet was being resumed.",
            wallet_status=status,
            hint="If it should still end, send POST /wallets/{id}/resume again.",
        )


def pause_level_after(before: PauseLevel | None, change: SetStatus) -> PauseLevel | None:
    """Return the level after a change of status, or None for a wallet that becomes active.

    ``before`` is the level of the pause so far. A suspension keeps it, and a wallet that is reinstated as paused has it
    again. A pause without a known level is reduce-only if a loss limit keeps the wallet paused, and full otherwise.
    """
    if change.status == UserWalletStatus.ACTIVE:
        return None
    if change.status == UserWalletStatus.SUSPENDED:
        return before
    if change.by == "owner":
        return change.level or PauseLevel.REDUCE_ONLY
    return before or (PauseLevel.REDUCE_ONLY if change.by_limit else PauseLevel.FULL)


def status_after_suspension(before: str | None, *, loss_limit_reached: bool) -> UserWalletStatus:
    """Return the status of a wallet whose suspension is lifted.

    A wallet its owner or a loss limit had paused is paused again: it must not start to trade because a suspension was
    lifted.
    """
    was_paused = before == UserWalletStatus.PAUSED or loss_limit_reached
    return UserWalletStatus.PAUSED if was_paused else UserWalletStatus.ACTIVE
