"""Reads the command of a journal entry, and the market context that it was decided on.

This is the inverse of :mod:`moniqo_core.storage.paper.decision_input_encoder`. It follows the field types of the
dataclasses. A field that the entry does not have reads as its default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market, PriceLevel, Snapshot
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.storage.document import Document
from moniqo_core.storage.paper.command_kinds import COMMAND_OF
from moniqo_core.storage.risk_limits import read_limits


def read_command(entry: Document) -> Command:
    """Return the command of an entry.

    Raises:
        KeyError, TypeError, ValueError, ArithmeticError: the entry does not have the form that
            :mod:`moniqo_core.storage.paper.decision_input_encoder` writes.

    """
    command: Command = _read(COMMAND_OF[entry["kind"]], entry["command"])
    return command


def read_context(entry: Document) -> MarketContext | None:
    """Return the market context of an entry, or None if its decision needed no market.

    The order book of a simulated market is only as deep as the decision needed. The errors are those of
    :func:`read_command`.
    """
    document = entry.get("basis")
    if document is None:
        return None
    market: Market = _read(Market, document["market"])
    snapshot = Snapshot(
        market.symbol,
        document["at"],
        Decimal(document["last"]),
        _levels(document["bids"]),
        _levels(document["asks"]),
        document["source"],
    )
    marks = {symbol: Decimal(mark) for symbol, mark in document["marks"]}
    others = {
        name: _read(kind, document[name]) for name, kind in _types(MarketContext).items() if name not in _OWN_FORM
    }
    return MarketContext(market=market, snapshot=snapshot, marks=marks, **others)


_OWN_FORM: Final = frozenset({"market", "snapshot", "marks"})


def _levels(pairs: list[list[str]]) -> list[PriceLevel]:
    return [PriceLevel(Decimal(price), Decimal(amount)) for price, amount in pairs]


@lru_cache(maxsize=32)
def _types(kind: type) -> Document:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(kind: Any, value: Any) -> Any:
    """Return a stored value as an object of the declared type ``kind``."""
    if get_origin(kind) in {Union, UnionType}:
        if value is None:
            return None
        (kind,) = (choice for choice in get_args(kind) if choice is not NoneType)
    if get_origin(kind) is Mapping:  # the caller's metadata
        return json.loads(value)
    if kind is RiskLimits:
        return read_limits(value)
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**{name: _read(hint, value[name]) for name, hint in _types(kind).items() if name in value})
    if kind is Decimal or issubclass(kind, StrEnum):
        return kind(value)
    return value
