"""Commands that need only a database: that of the environment, or the one that an option names."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from functools import partial

from moniqo_core import bootstrap
from moniqo_core.storage.client import connect, server_version, with_utc_times
from moniqo_core.storage.document import Database

Command = Callable[[Database, argparse.Namespace], Awaitable[int]]


def add_options(parser: argparse.ArgumentParser, command: Command) -> None:
    """Add the options that name a database, and let ``parser`` run ``command`` on it."""
    parser.add_argument("--mongodb-url", metavar="URL", help="overrides MONGODB_URL")
    parser.add_argument("--mongodb-database", metavar="NAME", help="overrides MONGODB_DATABASE")
    parser.set_defaults(run=partial(_run, command))


async def _run(command: Command, options: argparse.Namespace) -> int:
    name = options.mongodb_database or bootstrap.settings().mongodb_database
    database = connect(options.mongodb_url, name) if options.mongodb_url else bootstrap.database()
    try:
        await server_version(database)
        return await command(with_utc_times(database.client.get_database(name)), options)
    finally:
        await database.client.close()
