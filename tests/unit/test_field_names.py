"""The database is known to the storage alone: its driver, its query language and the names of stored fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import moniqo_core
from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.live.order_updates import intend
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import (
    BalanceSnapshot,
    ConnectionState,
    LossBaseline,
    SnapshotAsset,
    SyncStatistics,
    UserWallet,
    UserWalletStatus,
)
from moniqo_core.storage.live.live_order_codec import live_document, read_live
from moniqo_core.storage.risk_limits import limits_document, read_limits
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet, stored_fields, user_wallet_document
from tests.support.user_wallets import active_wallet

PACKAGE: Final = Path(moniqo_core.__file__).parent
STORAGE: Final = PACKAGE / "storage"
OUTSIDE: Final = sorted(path for path in PACKAGE.rglob("*.py") if STORAGE not in path.parents)

KNOWS_THE_DRIVER: Final = {"wallets/demo/config.py"}
"""Checks that a script gave it a database of PyMongo, as it documents."""

OTHER_MEANINGS: Final = frozenset({"count", "fields", "from", "markets", "stopped", "url", "user_wallets", "wallets"})
"""Stored names that are words of log records, of a venue, of a command, of a module or of OpenAPI as well."""

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS: Final = RiskLimits(Decimal("1000.50"), Decimal(5000), 3, blocked_symbols=("DOGE/USDT",))
WALLET: Final = active_wallet(LIMITS, NOW, journal_seq=7, key_permissions_version=2)
ORDER: Final = replace(
    intend(
        OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal(1), price=Decimal(50_000)),
        user_wallet_id="w",
        user_id="u",
        venue="binance-spot-v1",
        seq=3,
        venue_client_id="abc",
        token="t",
        now=NOW,
    ),
    acknowledged_at=NOW,
    queries_without_news=4,
    stored_fill_amount=Decimal("0.5"),
)


def constants(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def keys(path: Path) -> Iterator[str]:
    """What a module writes and reads documents with."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            found = list(node.keys)
        elif isinstance(node, ast.Subscript):
            found = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"get", "pop"}:
            found = list(node.args[:1])
        yield from (key.value for key in found if isinstance(key, ast.Constant) and isinstance(key.value, str))


def attributes(folder: Path) -> Iterator[str]:
    """The annotated attributes of every class in a folder."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield from (
                    item.target.id
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                )


@cache
def stored_names() -> frozenset[str]:
    """The names of fields that the storage writes or reads."""
    found = {name for path in STORAGE.rglob("*.py") for name in keys(path)}
    return frozenset(name for name in found if re.fullmatch(r"_?[a-z][a-z_]*", name))


@cache
def stored_only() -> frozenset[str]:
    """Names that no attribute of the domain and no field of an answer has."""
    known = {*attributes(PACKAGE / "domain"), *attributes(PACKAGE / "http")}
    return stored_names() - known - OTHER_MEANINGS


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_driver_is_imported_by_the_storage_alone() -> None:
    importing = {
        name_of(path)
        for path in OUTSIDE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and re.match(r"(pymongo|bson)\b", node.module or ""))
        or (isinstance(node, ast.Import) and any(re.match(r"(pymongo|bson)\b", item.name) for item in node.names))
    }
    assert importing == KNOWS_THE_DRIVER


def test_rules_see_names_that_stand_in_the_database_alone() -> None:
    """What the next test looks for is not empty by mistake."""
    assert {"_id", "books", "interest", "looks", "mirror_seq", "mirrored", "seen_at", "settle_at"} <= stored_only()


@pytest.mark.parametrize("path", OUTSIDE, ids=name_of)
def test_module_spells_no_stored_field(path: Path) -> None:
    found = []
    for line, text in constants(path):
        head, dot, tail = text.partition(".")
        is_path = bool(dot) and head in stored_names() and bool(re.fullmatch(r"[a-z_.]+", tail))
        if text in stored_only() or re.fullmatch(r"\$(?!ref)[a-zA-Z]+", text) or is_path:
            found.append(f"{line}: {text}")
    assert not found


def test_live_order_keeps_its_stored_names() -> None:
    document = live_document(ORDER)
    assert set(document) == {
        *("_id", "user_wallet_id", "user_id", "venue", "seq", "venue_client_id", "token", "body_hash", "symbol"),
        *("status", "status_history", "created_at", "updated_at", "fee_currency", "version", "holds_client_id"),
        *("venue_order_id", "seen_at", "misses", "looks", "reason", "settle_at", "request"),
        *("amount", "filled_amount", "filled_quote", "fee", "mirrored"),
    }
    assert (document["seen_at"], document["looks"], document["mirrored"]) == (NOW, 4, "0.5")
    assert read_live(document) == ORDER


def test_every_attribute_of_a_live_order_is_stored() -> None:
    changed = live_document(replace(ORDER, reason="because", misses=1, version=9, venue_order_id="v"))
    assert read_live(changed) != ORDER
    assert {item.name for item in fields(LiveOrder)} == {item.name for item in fields(read_live(changed))}


def test_risk_limits_keep_their_stored_form() -> None:
    document = limits_document(LIMITS)
    assert document == {
        "max_position_size_usd": "1000.5",
        "max_total_exposure_usd": "5000",
        "max_open_positions": 3,
        "daily_loss_limit_usd": None,
        "daily_loss_limit_percent": None,
        "max_drawdown_percent": None,
        "stop_loss_default_percent": "2",
        "take_profit_default_percent": "5",
        "allowed_symbols": None,
        "blocked_symbols": ["DOGE/USDT"],
        "respect_market_hours": False,
        "timezone": "UTC",
    }
    assert list(document) == [item.name for item in fields(RiskLimits)]
    assert read_limits(document) == LIMITS


def test_user_wallet_keeps_its_stored_names() -> None:
    document = user_wallet_document(WALLET)
    assert (document["mirror_seq"], document["key_permissions_of"]) == (7, 2)
    assert not {"journal_seq", "key_permissions_version"} & set(document)
    assert read_user_wallet(document) == WALLET


@pytest.mark.parametrize(
    "changes",
    [
        {"risk_limits": replace(LIMITS, max_open_positions=4)},
        {"status": UserWalletStatus.PAUSED, "status_reason": "because", "pause_level": PauseLevel.FULL},
        {"balance": BalanceSnapshot(NOW, (), Decimal("1.50"))},
        {"connection": ConnectionState(is_connected=True, last_successful_ping=NOW)},
        {"settings": {"initial_balance_usd": "5"}},
        {"journal_seq": 8, "key_permissions_version": 3, "custom_name": "Yours"},
        {"status_before_suspension": UserWalletStatus.ACTIVE, "statistics": SyncStatistics(5, 1)},
        {"key_permissions": KeyPermissions(can_read=True, can_trade=True, can_withdraw=False)},
        {"baseline": LossBaseline(Decimal("99.50"), Decimal(98), Decimal(100), NOW)},
    ],
    ids="-".join,
)
def test_changes_are_stored_as_the_whole_wallet_is(changes: dict[str, object]) -> None:
    after = replace(WALLET, **changes)  # type: ignore[arg-type]
    document = {**user_wallet_document(WALLET), **stored_fields(changes)}
    assert document == user_wallet_document(after)
    assert read_user_wallet(document) == after


@pytest.mark.parametrize(
    "value",
    [Decimal(1), SnapshotAsset("BTC", Decimal(1), Decimal(0), Decimal(1), None), (1, 2), [LIMITS], object()],
    ids=lambda value: type(value).__name__,
)
def test_value_without_a_stored_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=f"^balance of a user wallet cannot be stored as {type(value).__name__}$"):
        stored_fields({"custom_name": "Yours", "balance": value})


def test_every_attribute_of_a_user_wallet_is_stored() -> None:
    renamed = {"id": "_id", "journal_seq": "mirror_seq", "key_permissions_version": "key_permissions_of"}
    names = [item.name for item in fields(UserWallet)]
    assert set(user_wallet_document(WALLET)) == {renamed.get(name, name) for name in names}
