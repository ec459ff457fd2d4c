"""``moniqo-admin keys``: lists the keys with the credentials that need them, and rotates keys from this machine."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime, timedelta
from typing import Final

from moniqo_core import bootstrap
from moniqo_core.cli.columns import aligned
from moniqo_core.cli.exit_code import ExitCode
from moniqo_core.credentials.key_rotation import NOTICE, STEPS
from moniqo_core.domain.clock import rfc3339, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.progress import Progress
from moniqo_core.services.wallets.reencryption import KeyUse

_RUN_SECONDS: Final = 3600.0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands ``keys status`` and ``keys rotate``."""
    keys = commands.add_parser(
        "keys", help="show or rotate the keys of stored credentials (needs KEY_SECRET_ID and MONGODB_URL)"
    )
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    status = actions.add_parser("status", help="list every key with its age and the number of credentials that need it")
    rotate = actions.add_parser("rotate", help="add a key and move the credentials to it")
    rotate.add_argument(
        "--local",
        action="store_true",
        required=True,
        help="rotate from this machine now, regardless of the schedule in Secrets Manager",
    )
    rotate.add_argument("--no-wait", action="store_true", help="let the schedule move the credentials later")
    status.set_defaults(run=_status)
    rotate.set_defaults(run=_rotate)


async def _status(_options: argparse.Namespace) -> int:
    try:
        uses, strange = await bootstrap.reencryption().uses()
    finally:
        await bootstrap.database().client.close()
    sys.stdout.write(table(uses, strange, utc_now()))
    return ExitCode.DIFFERS if strange else ExitCode.AGREES


async def _rotate(options: argparse.Namespace) -> int:
    try:
        with Progress("steps", len(STEPS)) as progress:
            await bootstrap.key_rotation().run_all(lambda step: progress.reach(STEPS.index(step) + 1))
        sys.stdout.write(f"The ring has a new key. It will be used in {NOTICE // timedelta(minutes=1)} minutes.\n")
        if options.no_wait:
            return ExitCode.AGREES
        await _wait(NOTICE)
        return await _move()
    finally:
        await bootstrap.database().client.close()


async def _wait(time: timedelta) -> None:
    """Wait until the new key is in use. The operator may stop the program, because the schedule does the rest."""
    seconds = int(time.total_seconds())
    with Progress("seconds until every reader has it", seconds) as progress:
        for passed in range(seconds):
            progress.reach(passed)
            await asyncio.sleep(1)


async def _move() -> int:
    uses, _ = await bootstrap.reencryption().uses()
    with Progress("credentials", sum(use.documents for use in uses if not use.is_writing)) as progress:
        report = await bootstrap.reencryption().run(_RUN_SECONDS, progress.reach)
    sys.stdout.write(f"Moved: {report.moved}. Cannot be decrypted: {report.unreadable}. Left: {report.left}.\n")
    return ExitCode.DIFFERS if report.unreadable or report.left else ExitCode.AGREES


def table(uses: list[KeyUse], strange: int, now: datetime) -> str:
    """Return the keys as a table, oldest first, without their material."""
    if not uses and not strange:
        return "The ring is empty. The first rotation or the next re-encryption creates a key.\n"
    rows = [("key", "used from", "age", "state", "credentials")]
    rows += [
        (use.key.kid, rfc3339(use.key.use_after), _age(use, now), _state(use, now), str(use.documents)) for use in uses
    ]
    lines = aligned(rows)
    if strange:
        lines.append(f"No key of this ring can decrypt {counted(strange, 'credential')}.")
    return "\n".join(lines) + "\n"


def _age(use: KeyUse, now: datetime) -> str:
    days = (now - use.key.use_after).days
    return f"{days} d" if days >= 0 else "-"


def _state(use: KeyUse, now: datetime) -> str:
    if use.is_writing:
        return "in use"
    if use.key.use_after > now:
        return "next"
    return "superseded" if use.key.unused_since is None else "leaves next"
