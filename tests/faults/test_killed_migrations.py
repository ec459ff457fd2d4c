"""``moniqo-admin migrate`` while its process is killed, and several at once."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection

import pytest
from pymongo import monitoring

from moniqo_core import bootstrap, cli
from tests.conftest import Database, Run
from tests.integration.test_migrations import NUMBERS, admin, assert_complete, empty
from tests.support.killable_process import KillableProcess

__all__ = ["empty"]


class _Killer(monitoring.CommandListener):
    """Kills this process when it is about to send its ``at``-th command."""

    def __init__(self, at: int) -> None:
        self._left = at

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def _migrate(url: str, name: str, kill_at: int, pipe: Connection) -> None:
    os.environ |= {"MONGODB_URL": url, "MONGODB_DATABASE": name}
    for variable in ("KEY_SECRET_ID", "MONGODB_SECRET_ID"):
        os.environ.pop(variable, None)
    if kill_at:
        monitoring.register(_Killer(kill_at))
    bootstrap.settings.cache_clear()
    pipe.send(cli.main(["migrate"]))


def _outcome(process: KillableProcess) -> int | None:
    """Wait for the exit code of a migration. None if it was killed."""
    code = None
    with suppress(EOFError):
        code = process.reports.recv()
    process.end()
    return code


# The commands are the server's version, the records, and then those of each migration.
@pytest.mark.parametrize("kill_at", [3, 9, 25, 43])
def test_killed_migration_goes_on_when_it_is_run_again(
    kill_at: int, empty: Database, mongo_url: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _outcome(KillableProcess(_migrate, mongo_url, empty.name, kill_at)) is None

    ended = set(run(empty.migrations.distinct("_id", {"done_at": {"$exists": True}})))
    assert ended < set(NUMBERS)
    assert admin(capsys, "--status")[0] == 1
    code, lines = admin(capsys)

    assert code == 0
    assert [int(line.split()[0]) for line in lines] == [number for number in NUMBERS if number not in ended]
    assert_complete(empty, run)


def test_of_migrations_at_once_each_ends_well(empty: Database, mongo_url: str, run: Run) -> None:
    processes = [KillableProcess(_migrate, mongo_url, empty.name, 0) for _ in range(3)]

    assert [_outcome(process) for process in processes] == [0, 0, 0]
    assert_complete(empty, run)
