"""Wallet definitions in responses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.wallets.definition import Definition
from moniqo_core.domain.wallets.kinds import FeedKind, FieldType, IntegrationType, MarketType
from moniqo_core.domain.wallets.list_queries import DefinitionCursor
from moniqo_core.http.pagination import PageRequest, PageView, broken_cursor, page_view
from moniqo_core.http.schemas.common import Amount, Timestamp, View


class CredentialFieldView(View):
    """A credential field that users fill in to connect a wallet."""

    field_name: str
    display_label: str
    field_type: FieldType
    is_required: bool
    is_encrypted: bool
    placeholder: str | None
    help_text: str | None
    validation_regex: str | None


class LeverageView(View):
    """The leverage that a venue offers."""

    available: bool
    min: Amount | None
    max: Amount | None
    adjustable: bool


class FeesView(View):
    """Fees in percent. 0.1 means 0.1%."""

    maker_fee_percent: Amount
    taker_fee_percent: Amount
    withdrawal_fee_percent: Amount


class CapabilitiesView(View):
    """What a wallet of this kind can do."""

    spot_trading: bool
    futures_trading: bool
    margin_trading: bool
    options_trading: bool
    supported_order_types: tuple[OrderType, ...]
    leverage: LeverageView
    fees: FeesView


class SimulationView(View):
    """How a demo wallet trades: its cash asset, its slippage and the source of its prices."""

    cash_asset: str
    slippage_bps: Amount
    feed: FeedKind


class DefinitionView(View):
    """A kind of wallet that users can connect."""

    id: str
    name: str
    slug: str
    display_name: str
    description: str
    logo_url: str | None
    integration_type: IntegrationType
    is_demo: bool
    is_active: bool
    requires_kyc: bool
    supported_markets: tuple[MarketType, ...]
    supported_symbols: tuple[str, ...]
    supports_all_symbols: bool
    required_credentials: tuple[CredentialFieldView, ...]
    capabilities: CapabilitiesView
    simulation: SimulationView | None
    order: int
    tags: tuple[str, ...]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, definition: Definition) -> DefinitionView:
        """Return the view of a definition, without its ``api_config``."""
        return cls.model_validate(definition)


def definition_cursor(page: PageRequest) -> DefinitionCursor | None:
    """Return the definition that the page begins after, or None for the first page.

    Raises:
        ValidationError: the cursor is of another list.

    """
    cursor = page.cursor
    if cursor is None:
        return None
    if len(cursor) != 2 or not re.fullmatch(r"[0-9]{1,7}", cursor[0], re.ASCII):  # noqa: PLR2004
        raise broken_cursor()
    return DefinitionCursor(int(cursor[0]), cursor[1])


def definition_page(found: Sequence[Definition], limit: int) -> PageView[DefinitionView]:
    """Return the page of the first ``limit`` definitions. If ``found`` has more, there is a next page."""
    shown = found[:limit]
    next_cursor = [str(shown[-1].order), shown[-1].slug] if len(found) > limit else None
    return page_view([DefinitionView.of(definition) for definition in shown], next_cursor)
