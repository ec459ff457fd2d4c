"""Exact decimal arithmetic: reading, writing and rounding amounts.

Amounts are ``Decimal`` in the domain and plain strings outside. Debits and locks round up and credits round down, so
rounding never creates money. All arithmetic runs under :data:`EXACT`, a context of 60 significant digits that raises on
invalid operations, overflow and floats.
"""

from __future__ import annotations

import decimal
import re
from contextlib import AbstractContextManager
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

MAX_INTEGER_DIGITS: Final = 18
MAX_DECIMAL_PLACES: Final = 18

EXACT: Final = Context(
    prec=60,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.FloatOperation],
)

_UNITS: Final = tuple(Decimal(1).scaleb(-places) for places in range(MAX_DECIMAL_PLACES + 1))
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?", re.ASCII)
FIAT: Final = frozenset({"USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD"})
"""Assets kept with four decimal places."""


def exact() -> AbstractContextManager[Context]:
    """Return a context manager that runs a block under :data:`EXACT`."""
    return decimal.localcontext(EXACT)


def parse(text: str) -> Decimal:
    """Parse a plain ASCII decimal of at most 18 digits before and 18 after the point.

    Raises:
        ValueError: The text is anything else, for example an exponent, a plus sign, a leading zero, a blank, NaN or
            infinity.

    """
    if not _DECIMAL.fullmatch(text):
        message = f"not a plain decimal of at most {MAX_INTEGER_DIGITS}.{MAX_DECIMAL_PLACES} digits"
        raise ValueError(message)
    return Decimal(text)


def plain(value: Decimal) -> str:
    """Write an amount without exponent and trailing zeros: ``Decimal("1.500")`` gives ``"1.5"``."""
    text = str(value)
    if "E" in text:  # the format without exponent takes twice as long
        text = f"{value:f}"
    if text[-1] != "0":
        return text
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def scale_of(asset: str) -> int:
    """Return how many decimal places an asset is kept with: 4 for fiat money, 8 for everything else."""
    return 4 if asset in FIAT else 8


def unit_of(asset: str) -> Decimal:
    """Return the smallest amount of an asset that is kept."""
    return _UNITS[scale_of(asset)]


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of ``step`` that is not above ``value``."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of ``step`` that is not below ``value``."""
    return (value / step).to_integral_value(ROUND_CEILING) * step


def round_up(value: Decimal, scale: int) -> Decimal:
    """Round a debit up at ``scale`` decimal places."""
    return value.quantize(_UNITS[scale], ROUND_CEILING)


def increase_up(total: Decimal, more: Decimal, scale: int) -> Decimal:
    """Return by how much ``total``, rounded up, increases with ``more``."""
    after = round_up(total + more, scale)
    return after - round_up(total, scale) if total else after


def round_down(value: Decimal, scale: int) -> Decimal:
    """Round a credit down at ``scale`` decimal places."""
    return value.quantize(_UNITS[scale], ROUND_FLOOR)


def increase_down(total: Decimal, more: Decimal, scale: int) -> Decimal:
    """Return by how much ``total``, rounded down, increases with ``more``."""
    after = round_down(total + more, scale)
    return after - round_down(total, scale) if total else after
