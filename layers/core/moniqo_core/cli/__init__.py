"""``moniqo-admin``: the commands of operators, for the deployment whose variables are in the environment.

``migrate`` brings the database to the state of this release. ``replay`` and ``verify`` check the journals of demo
wallets, ``live`` stops and starts live orders, ``keys`` shows and rotates the keys of credentials, and ``accounts``
lists wallets that share an account at a venue.
:class:`~moniqo_core.cli.exit_code.ExitCode` lists the exit codes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from moniqo_core import __version__, event_loop
from moniqo_core.cli import accounts, keys, live, migrate, replay_and_verify
from moniqo_core.cli.exit_code import ExitCode
from moniqo_core.config import SettingError
from moniqo_core.credentials.key_rotation import RotationError
from moniqo_core.domain.errors import WalletError
from moniqo_core.storage.client import DatabaseError, UnsupportedServerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. If it cannot do its work, print one line to standard error."""
    parser = argparse.ArgumentParser(prog="moniqo-admin", description="Operate a deployment of Moniqo Wallets.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    migrate.add_commands(commands)
    replay_and_verify.add_commands(commands)
    live.add_commands(commands)
    keys.add_commands(commands)
    accounts.add_commands(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = event_loop.run(options.run(options))
    except (SettingError, UnsupportedServerError, DatabaseError, RotationError, WalletError) as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.UNKNOWN
    return code
