"""Every example of docs/concepts/paper-trading.md is run, and what the document says it prints is what it prints."""

from __future__ import annotations

import asyncio
import doctest
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.commands import CancelOrder, ResetAccount
from moniqo_core.domain.market.candle_path import candle_path
from moniqo_core.domain.market.candles import CandleQuery
from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.market.snapshot_checks import check_fresh
from moniqo_core.domain.market.trading_hours import NYSE, trading_hours_at
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.fees import accrue_fee
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest
from moniqo_core.domain.paper.account_lifecycle import fork_account
from moniqo_core.domain.paper.account_rules import check_account_symbol
from moniqo_core.domain.paper.valuation import value
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from tests.support.engine_harness import BTC, ETH, START, STEP, WIDE, EngineHarness

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "paper-trading.md"
SECTIONS: Final = re.split(r"^### ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
EXAMPLE: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RULES: Final = 17
NAMES: Final[dict[str, object]] = {
    "BTC": BTC, "ETH": ETH, "START": START, "STEP": STEP, "WIDE": WIDE, "D": Decimal, "PaperAccount": EngineHarness,
    "OrderRequest": OrderRequest, "Cancel": CancelOrder, "Close": ClosePosition, "Reset": ResetAccount,
    "SetStatus": SetStatus, "ExitSpec": ExitSpec, "OrderSide": OrderSide, "OrderType": OrderType,
    "TimeInForce": TimeInForce, "CandleQuery": CandleQuery,
    "SimulatedFeed": SimulatedFeed, "charge": accrue_fee, "check_tradable": check_account_symbol,
    "check_usable": check_fresh, "fork_account": fork_account, "Candle": Candle,
    "path_of": candle_path, "NYSE": NYSE, "hours_at": trading_hours_at,
    "value": value, "replace": replace, "run": asyncio.run, "datetime": datetime, "timedelta": timedelta, "UTC": UTC,
}  # fmt: skip
"""The names that an example may use without importing them, in addition to :func:`show` and :func:`refused`."""


def show(*values: object) -> None:
    """Print values, amounts as the API writes them."""
    print(*(plain(value) if isinstance(value, Decimal) else value for value in values))


def refused(action: Callable[..., object], *given: object, **fields: object) -> None:
    """Print the code and the sentence an action is refused with."""
    try:
        action(*given, **fields)
    except WalletError as error:
        print(f"{error.code}: {error.detail}")
        return
    raise AssertionError("it was not refused")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.partition("\n")[0])
def test_examples_of_each_section_print_what_the_page_says(section: str) -> None:
    title = section.partition("\n")[0]
    source = "\n".join(EXAMPLE.findall(section))
    assert ">>>" in source, "every rule has an example"
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    outcome = runner.run(
        doctest.DocTestParser().get_doctest(source, {**NAMES, "show": show, "refused": refused}, title, None, 0),
        out=report.append,
    )
    assert outcome.failed == 0, "".join(report)


def test_every_rule_has_a_section() -> None:
    numbers = [int(section.partition(".")[0]) for section in SECTIONS if section[0].isdigit()]
    assert numbers == list(range(1, RULES + 1))
