"""``moniqo-admin migrate``: brings the database to the state that this release needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from moniqo_core import bootstrap
from moniqo_core.cli.columns import aligned
from moniqo_core.cli.exit_code import ExitCode
from moniqo_core.domain.clock import rfc3339
from moniqo_core.migrations.listed import MIGRATIONS
from moniqo_core.migrations.run import migrate
from moniqo_core.storage.client import server_version
from moniqo_core.storage.migration_records import MigrationRecord, MigrationRecords


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``migrate``."""
    parser = commands.add_parser("migrate", help="bring the database to the state that this release needs")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--status", action="store_true", help="list the migrations, and change nothing")
    which.add_argument(
        "--again",
        type=int,
        action="append",
        default=[],
        metavar="NUMBER",
        choices=[each.number for each in MIGRATIONS],
        help="run this migration even if it has run",
    )
    parser.set_defaults(run=_run)


async def _run(options: argparse.Namespace) -> int:
    try:
        if options.status:
            return await _status()
        ran = False
        async for each, result in migrate(bootstrap.database(), _say, again=options.again):
            _say(f"{each.number} {each.name}: {result}")
            ran = True
        if not ran:
            _say("Every migration of this release has run.")
        return ExitCode.AGREES
    finally:
        await bootstrap.database().client.close()


async def _status() -> int:
    await server_version(bootstrap.database())
    records = await MigrationRecords(bootstrap.database()).read()
    sys.stdout.write(table(records))
    missing = [each for each in MIGRATIONS if each.required and not _is_done(records, each.number)]
    if missing:
        _say("A required migration has not run. Run: moniqo-admin migrate")
    return ExitCode.DIFFERS if missing else ExitCode.AGREES


def table(records: Mapping[int, MigrationRecord]) -> str:
    """Return every migration of this release or of the database, with its state and the release that ran it."""
    known = {each.number: each for each in MIGRATIONS}
    rows = [("number", "migration", "required", "state", "ran by")]
    for number in sorted({*known, *records}):
        record = records.get(number)
        name = known[number].name if number in known else f"{records[number].name} (of another release)"
        required = "yes" if number in known and known[number].required else "no"
        rows.append((str(number), name, required, _state(record), record.release if record else "-"))
    return "\n".join(aligned(rows)) + "\n"


def _state(record: MigrationRecord | None) -> str:
    if record is None:
        return "has not run"
    if record.done_at is None:
        return f"began {rfc3339(record.started_at)}, has not ended"
    return f"done {rfc3339(record.done_at)}"


def _is_done(records: Mapping[int, MigrationRecord], number: int) -> bool:
    return number in records and records[number].done_at is not None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
