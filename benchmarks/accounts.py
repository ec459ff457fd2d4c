"""Demo wallets to measure on."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from moniqo.domain.ledger import AccountTerms
from moniqo.domain.risk import RiskLimits
from moniqo.wallets.demo import DemoWallet
from pymongo.asynchronous.database import AsyncDatabase

OWNER = "11111111-1111-4111-8111-111111111111"
Database = AsyncDatabase[dict[str, Any]]

_LIMITS = RiskLimits(
    max_position_size_usd=Decimal(10**9),
    max_total_exposure_usd=Decimal(10**9),
    max_open_positions=100,
    daily_loss_limit_usd=Decimal(10**8),
    daily_loss_limit_percent=None,
    max_drawdown_percent=None,
)


def terms() -> AccountTerms:
    """Return terms with so much cash and room that no order of a benchmark is refused."""
    return AccountTerms(OWNER, Decimal(10**9), "USDT", Decimal("0.1"), Decimal("0.1"), Decimal(5), None, _LIMITS)


async def open_wallet(database: Database) -> str:
    """Open a demo wallet and return its id."""
    wallet_id = str(uuid.uuid4())
    await DemoWallet("demo", wallet_id, {}, {"db": database}).open_account(terms())
    return wallet_id
