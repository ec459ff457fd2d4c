"""Views of domain objects: made directly, they are the same as validated ones."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pytest

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot, ConnectionState, SnapshotAsset, UserWalletStatus
from moniqo_core.http.schemas.common import View
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view
from tests.support.user_wallets import active_wallet

AT: Final = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
LIMITS: Final = RiskLimits(
    Decimal(1000), Decimal("2000.50"), 5, daily_loss_limit_usd=Decimal(100), blocked_symbols=("X/Y",)
)
ASSETS: Final = (
    SnapshotAsset("BTC", Decimal("1.50"), ZERO, Decimal("1.50"), None),
    SnapshotAsset("USDT", Decimal(7), Decimal("1E+2"), Decimal(107), Decimal("107.00")),
)


class Inner(View):
    """A part."""

    name: str


class Outer(View):
    """A view with a default and a part."""

    number: int = 0
    parts: list[Inner]


def dumps(view: View) -> list[Any]:
    options: list[dict[str, Any]] = [{}, {"exclude_unset": True}, {"exclude_defaults": True}]
    return [view.model_dump(**each) for each in options] + [view.model_dump_json(**each) for each in options]


def test_made_view_equals_a_validated_one() -> None:
    made = Outer.made(number=0, parts=[Inner.made(name="x")])
    validated = Outer.model_validate({"number": 0, "parts": [{"name": "x"}]})
    assert made.model_fields_set == validated.model_fields_set == {"number", "parts"}
    assert dumps(made) == dumps(validated)


class Source(NamedTuple):
    """An object whose attributes have the names of a view's fields, in another order."""

    parts: tuple[str, ...]
    number: int


def test_view_of_an_object_equals_a_validated_one() -> None:
    view = Outer.made_from(Source(("x",), 2), parts=[Inner.made(name="x")])
    assert dumps(view) == dumps(Outer.model_validate({"number": 2, "parts": [{"name": "x"}]}))


@pytest.mark.parametrize("status", UserWalletStatus)
def test_wallet_is_shown_as_validation_would_show_it(status: UserWalletStatus) -> None:
    wallet = active_wallet(
        LIMITS,
        AT,
        status=status,
        pause_level=PauseLevel.FULL,
        last_used_at=AT,
        ai_managed_state={"is_ai_managed": True},
        balance=BalanceSnapshot(AT, ASSETS, realised_pnl=Decimal("1E+3"), unrealised_pnl=Decimal("-0.0")),
        connection=ConnectionState(is_connected=True, last_successful_ping=AT),
    )
    view = wallet_view(wallet)
    assert dumps(view) == dumps(UserWalletView.model_validate(view.model_dump()))
    assert view.pause_level is (PauseLevel.FULL if status is UserWalletStatus.PAUSED else None)
