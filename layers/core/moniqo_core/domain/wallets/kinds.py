"""The kinds of wallets, markets, credential fields and price feeds that a wallet definition names."""

from __future__ import annotations

from enum import StrEnum


class IntegrationType(StrEnum):
    """How wallets of a definition reach their venue."""

    SIMULATION = "SIMULATION"
    CEX = "CEX"
    DEX = "DEX"
    BROKER = "BROKER"


class MarketType(StrEnum):
    """The kind of market."""

    CRYPTO = "crypto"
    STOCKS = "stocks"
    FOREX = "forex"
    COMMODITIES = "commodities"


class FieldType(StrEnum):
    """The input type of a credential field in a form."""

    TEXT = "text"
    PASSWORD = "password"  # noqa: S105 - a form field, not a secret
    NUMBER = "number"
    FILE = "file"


class FeedKind(StrEnum):
    """Source of the prices of a simulated wallet."""

    SIMULATED = "simulated"
    LIVE = "live"
