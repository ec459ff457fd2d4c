"""``moniqo-admin live stop``, ``start`` and ``status``: the switch that stops every live order of a deployment."""

from __future__ import annotations

import argparse
import sys

from moniqo_core.cli.on_database import add_options
from moniqo_core.domain.clock import rfc3339, utc_now
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.live_trading_switch import (
    LiveTradingSwitch,
    read_live_trading_switch,
    set_live_trading_switch,
)
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.wallets.earlier_intents import wait_for_earlier_intents


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands ``live stop``, ``live start`` and ``live status``."""
    live = commands.add_parser("live", help="the switch that stops every live order of this deployment")
    switch = live.add_subparsers(required=True, metavar="COMMAND")
    stopping = switch.add_parser("stop", help="stop sending live orders (cancelling still works)")
    stopping.add_argument("--reason", help="shown by `moniqo-admin live status`")
    add_options(stopping, stop)
    add_options(switch.add_parser("start", help="send live orders again"), start)
    add_options(switch.add_parser("status", help="show the switch and the number of open orders"), status)


async def stop(database: Database, options: argparse.Namespace) -> int:
    """Stop every live order that is decided from now on."""
    await set_live_trading_switch(database, LiveTradingSwitch(stopped=True, since=utc_now(), reason=options.reason))
    await wait_for_earlier_intents(LiveOrderStore(database), utc_now)
    sys.stdout.write(
        "Live orders are stopped. No order that was decided before is still being sent.\n"
        "Open orders stay at their venues until they are cancelled. Cancelling still works.\n"
    )
    return await status(database, options)


async def start(database: Database, options: argparse.Namespace) -> int:
    """Allow live orders again."""
    await set_live_trading_switch(database, LiveTradingSwitch(stopped=False, since=utc_now()))
    return await status(database, options)


async def status(database: Database, _: argparse.Namespace) -> int:
    """Print the state of the switch, and the number of live orders that may still fill, by status."""
    switch = await read_live_trading_switch(database)
    since = f" since {rfc3339(switch.since)}" if switch.since else ""
    reason = f": {switch.reason}" if switch.reason else ""
    sys.stdout.write(f"switch   {'stopped' if switch.stopped else 'sends orders'}{since}{reason}\n")
    for name, count in sorted((await LiveOrderStore(database).counts()).items()):
        sys.stdout.write(f"{name:<17}{count}\n")
    if not switch.stopped:
        sys.stdout.write("Orders are sent only if the parameter LiveTrading is also true.\n")
    return 0
