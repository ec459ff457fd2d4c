"""Request and response bodies of user wallets. No response holds a credential, a ciphertext or a part of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from moniqo.domain.money import plain
from moniqo.domain.sync import SyncLogEntry, SyncOutcome, SyncStatus, SyncType
from moniqo.domain.user_wallet import BalanceSnapshot, UserWallet, UserWalletStatus
from moniqo.http.pagination import PageRequest, PageView, broken_cursor, page_view
from moniqo.http.schemas.common import Amount, ClosedModel, Name, Text, Timestamp, View, visible_text
from moniqo.http.schemas.risk_limits import RiskLimitsChange, RiskLimitsRequest, RiskLimitsView
from moniqo.services.wallet_requests import NewWallet, WalletChange
from moniqo.storage.user_wallets import Position

MAX_CREDENTIAL_FIELDS: Final = 20


def _read_credentials(value: object) -> dict[str, SecretStr]:
    # One validator for all: pydantic's own errors would name the keys, and a key may be a misplaced secret.
    if not isinstance(value, Mapping):
        raise PydanticCustomError("credentials", "Input should be an object of field names and values")
    if len(value) > MAX_CREDENTIAL_FIELDS:
        raise PydanticCustomError("credentials", "Input should have at most 20 fields")
    return {str(name): SecretStr(_as_text(entry)) for name, entry in value.items()}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return plain(value)
    raise PydanticCustomError("credentials", "Values should be strings or numbers")


Credentials = Annotated[
    dict[str, SecretStr],
    BeforeValidator(_read_credentials),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MAX_CREDENTIAL_FIELDS,
            "additionalProperties": {"anyOf": [{"type": "string", "format": "password"}, {"type": "number"}]},
            "description": "The fields `required_credentials` of the wallet definition asks for.",
            "examples": [{"initial_balance_usd": "10000"}],
        }
    ),
]


def _only_true(value: object) -> bool:
    # Literal[True] would take the number 1.
    if value is not True:
        raise PydanticCustomError("confirm", "Input should be true")
    return True


Confirmed = Annotated[bool, PlainValidator(_only_true), WithJsonSchema({"type": "boolean", "const": True})]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", examples=["#2F80ED"])]
Icon = Annotated[str, Field(max_length=100), AfterValidator(visible_text)]
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(visible_text)]


class CreateWalletRequest(ClosedModel):
    """A wallet to connect; ``wallet_id`` is the id or the slug of its definition."""

    wallet_id: Annotated[str, Field(min_length=1, max_length=100, examples=["demo-wallet-v1"])]
    custom_name: Name
    description: Text | None = None
    color: Color | None = None
    icon: Icon | None = None
    credentials: Credentials = Field(default_factory=dict)
    risk_limits: RiskLimitsRequest

    def to_new_wallet(self) -> NewWallet:
        """Return what the service creates."""
        return NewWallet(
            wallet_id=self.wallet_id,
            custom_name=self.custom_name,
            description=self.description,
            color=self.color,
            icon=self.icon,
            credentials=self.credentials,
            risk_limits=self.risk_limits.to_limits(),
        )


class UpdateWalletRequest(ClosedModel):
    """What to change; fields that are left out stay as they are."""

    custom_name: Name | None = None
    description: Text | None = None
    color: Color | None = None
    icon: Icon | None = None
    risk_limits: RiskLimitsChange | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "At least one field is required")
        for name in ("custom_name", "risk_limits"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise PydanticCustomError("null", "{name} can be changed, not removed", {"name": name})
        return self

    def to_change(self) -> WalletChange:
        """Return what the service changes."""
        fields = {name: getattr(self, name) for name in self.model_fields_set if name != "risk_limits"}
        return WalletChange(fields, self.risk_limits.changes() if self.risk_limits else {})


class ReplaceCredentialsRequest(ClosedModel):
    """All credentials of the wallet; what is left out is gone."""

    credentials: Credentials


class PauseRequest(ClosedModel):
    """Why the wallet is paused, for its owner to read later."""

    reason: Reason | None = None


class ResumeRequest(ClosedModel):
    """Taking a wallet into use again has to be said expressly."""

    confirm: Confirmed


class AdminReasonRequest(ClosedModel):
    """Why an administrator suspends or reinstates a wallet."""

    reason: Reason


class AssetView(View):
    """One asset; ``value_usd`` is null when nobody prices it."""

    asset: str
    free: Amount
    locked: Amount
    total: Amount
    value_usd: Amount | None


class PnlView(View):
    """Profit and loss in US dollars; null before the first sync."""

    realized: Amount | None
    unrealized: Amount | None
    total: Amount | None


class SnapshotView(View):
    """The balance at the last sync."""

    last_synced_at: Timestamp | None
    assets: tuple[AssetView, ...]
    total_value_usd: Amount | None
    total_pnl: PnlView


class ConnectionView(View):
    """How the last contact with the account went."""

    is_connected: bool
    last_successful_ping: Timestamp | None
    last_error: str | None
    last_error_at: Timestamp | None
    retry_count: int
    next_retry_at: Timestamp | None


class StatisticsView(View):
    """Syncs of this wallet since it was made."""

    total_syncs: int
    failed_syncs: int


class UserWalletView(View):
    """A user's wallet."""

    id: str
    user_id: str
    wallet_id: str
    wallet_name: str
    wallet_slug: str
    custom_name: str
    description: str | None
    color: str | None
    icon: str | None
    mode: Literal["paper", "live"]
    is_active: Annotated[bool, Field(description="Neither paused nor suspended.")]
    status: UserWalletStatus
    status_reason: str | None
    has_credentials: bool
    balance: SnapshotView
    connection: ConnectionView
    risk_limits: RiskLimitsView
    ai_managed_state: dict[str, object] | None
    statistics: StatisticsView
    created_at: Timestamp
    updated_at: Timestamp
    last_used_at: Timestamp | None


class ConnectionTestView(View):
    """How the test went; ``success`` is false when the venue refuses."""

    success: bool
    wallet_name: str
    tested_at: Timestamp
    latency_ms: int
    error_message: str | None


class SyncView(View):
    """How the sync went, with the snapshot it left."""

    success: bool
    user_wallet_id: str
    mode: Literal["paper", "live"]
    synced_at: Timestamp
    balance: SnapshotView
    assets_count: int
    error_message: str | None


class SyncLogView(View):
    """One sync. ``api_calls`` counts calls to a venue; a paper wallet makes none."""

    id: str
    user_wallet_id: str
    sync_type: SyncType
    status: SyncStatus
    started_at: Timestamp
    duration_ms: int
    api_calls: int
    error_code: str | None
    assets_count: int
    total_value_usd: Amount | None


def wallet_view(wallet: UserWallet) -> UserWalletView:
    """Show a wallet."""
    names = UserWalletView.model_fields.keys() - {"balance"}
    return UserWalletView(**{name: getattr(wallet, name) for name in names}, balance=snapshot_view(wallet.balance))


def snapshot_view(balance: BalanceSnapshot) -> SnapshotView:
    """Show a balance snapshot."""
    realised, unrealised = balance.realised_pnl, balance.unrealised_pnl
    total = None if realised is None or unrealised is None else realised + unrealised
    return SnapshotView(
        last_synced_at=balance.last_synced_at,
        assets=tuple(AssetView.model_validate(held) for held in balance.assets),
        total_value_usd=balance.total_value_usd,
        total_pnl=PnlView(realized=realised, unrealized=unrealised, total=total),
    )


def sync_view(outcome: SyncOutcome) -> SyncView:
    """Show how a sync went."""
    wallet = outcome.after
    return SyncView(
        success=outcome.error_message is None,
        user_wallet_id=wallet.id,
        mode=wallet.mode,
        synced_at=outcome.log.started_at,
        balance=snapshot_view(wallet.balance),
        assets_count=len(wallet.balance.assets),
        error_message=outcome.error_message,
    )


def wallet_position(page: PageRequest) -> Position | None:
    """Return where the page of wallets starts; raises ValidationError."""
    position = _position(page)
    return Position(*position) if position else None


def wallet_page(found: Sequence[UserWallet], limit: int) -> PageView[UserWalletView]:
    """Show a page of wallets; ``found`` holds one more when there is another page."""
    last = found[limit - 1] if len(found) > limit else None
    next_position = [last.created_at.isoformat(), last.id] if last else None
    return page_view([wallet_view(wallet) for wallet in found[:limit]], next_position)


def sync_log_position(page: PageRequest) -> tuple[datetime, str] | None:
    """Return where the page of the sync log starts; raises ValidationError."""
    return _position(page)


def sync_log_page(found: Sequence[SyncLogEntry], limit: int) -> PageView[SyncLogView]:
    """Show a page of the sync log; ``found`` holds one more when there is another page."""
    last = found[limit - 1] if len(found) > limit else None
    next_position = [last.started_at.isoformat(), last.id] if last else None
    return page_view([SyncLogView.model_validate(entry) for entry in found[:limit]], next_position)


def _position(page: PageRequest) -> tuple[datetime, str] | None:
    if page.position is None:
        return None
    try:
        moment, last_id = page.position
        started_at = datetime.fromisoformat(moment)
    except ValueError:
        raise broken_cursor() from None
    if started_at.tzinfo is None:
        raise broken_cursor()
    return started_at, last_id
