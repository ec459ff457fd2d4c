"""What the fields of bodies mean, where a schema does not say so itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moniqo_core.openapi.descriptions_by_field import OF_FIELDS


def description_of(schema: str, field: str) -> str | None:
    """Return what a field of a schema means: its own text, else that of all fields with this name."""
    return _OF_SCHEMAS.get(schema, {}).get(field) or OF_FIELDS.get(field)


_STAYS: Final = "If left out, the limit stays."
_OF_SCHEMAS: Final[Mapping[str, Mapping[str, str]]] = {
    "AssetView": {"total": "`free` and `locked` together."},
    "HeldAssetView": {"total": "`free` and `locked` together."},
    "BookLevelView": {"amount": "Amount offered or wanted at this price.", "price": "Price of the level."},
    "CandleView": {
        "start": "Time at which the candle begins, in UTC.",
        "open": "First price.",
        "high": "Highest price.",
        "low": "Lowest price.",
        "close": "Last price.",
        "volume": "Amount traded, in the base asset.",
    },
    "ConnectionTestView": {"success": "False when the venue refuses or cannot be reached."},
    "DefinitionCreate": {"description": "Text for users.", "name": "Name of the kind of wallet."},
    "DefinitionPatch": {"description": "Text for users.", "name": "Name of the kind of wallet."},
    "CapabilitiesIn": {"fees": "Fees of the venue."},
    "CapabilitiesView": {"fees": "Fees of the venue."},
    "DefinitionView": {
        "id": "Id of the definition.",
        "description": "Text for users.",
        "name": "Name of the kind of wallet.",
    },
    "EntryView": {
        "at": "Time of the commit, in UTC.",
        "fills": "Fills of this commit.",
        "kind": "What was done, such as `place`, `cancel` or `reset`.",
    },
    "EquationView": {
        "opening": "Balance at the last sync.",
        "closing": "Balance at this sync.",
        "fees": "Fees paid in this asset.",
    },
    "EquityPointView": {"at": "Full hour or day of UTC."},
    "EquityView": {"interval": "Time between two points."},
    "EstimateView": {
        "amount": "Amount that would fill at once, in the base asset.",
        "fee": "Estimated fee of this part.",
        "quote": "Quote amount exchanged for it, without the fee.",
        "remaining_amount": "Amount that would stay open.",
    },
    "FillView": {
        "amount": "Amount filled, in the base asset.",
        "fee": "Fee of this fill.",
        "price": "Price of the fill. The average if it took several levels.",
        "quote": "Quote amount exchanged, without the fee.",
        "timestamp": "Time of the fill, in UTC.",
    },
    "FormFaultView": {
        "code": "Name of the check that found it.",
        "field": "Name of the field.",
        "message": "What is wrong with it.",
    },
    "ForkRequest": {"custom_name": "Name of the copy. The default is made of the original's name."},
    "LevelView": {"amount": "Amount exchanged at this price.", "price": "Price of the level."},
    "LoginRequest": {"email": "E-mail address of the account.", "password": "Password of the account."},
    "OrderView": {
        "amount": "Amount ordered, in the base asset.",
        "fee": "Fees of all fills, in `fee_currency`.",
        "status": "Status of the order. `unknown`: it is not known whether the venue accepted it.",
    },
    "PerformanceView": {
        "fees": "Fees paid, in US dollars.",
        "max_drawdown_percent": "The same fall in percent of the peak.",
        "since": "Time at which the wallet was opened, forked or reset, in UTC.",
    },
    "PlaceOrderRequest": {
        "amount": "Amount in the base asset. Give either this or `quote_amount`.",
        "quote_amount": "Amount of the quote asset to spend or to receive. Market orders only.",
        "stop_loss": "Exit below the entry. Buys only.",
        "take_profit": "Exit above the entry. Buys only.",
    },
    "PnlView": {"total": "Realised and unrealised together."},
    "PositionView": {
        "amount": "Amount held, in the base asset.",
        "fees": "Fees paid for trades in this symbol, in the quote asset.",
    },
    "PostingView": {
        "amount": "Amount that the ledger account gains, or negative if it loses the amount.",
        "book": "Ledger account that the posting changes: `free`, `locked`, `market`, `fees` or `faucet`.",
    },
    "PriceView": {"mid": "Halfway between bid and ask.", "timestamp": "Time of the prices, in UTC."},
    "BookView": {"timestamp": "Time of the book, in UTC."},
    "RuleView": {
        "code": "Code of the error that the rule would cause.",
        "detail": "Text of that error.",
        "rule": "Name of the rule.",
    },
    "StatusChangeView": {"status": "The status reached.", "timestamp": "Time at which it was reached, in UTC."},
    "SymbolPerformanceView": {
        "fees": "Fees paid for trades in this symbol, in US dollars.",
        "volume": "Quote amount of all fills in this symbol, both ways.",
    },
    "SyncLogView": {"id": "Id of the sync.", "status": "How the sync ended."},
    "SyncView": {"balance": "Balance after the sync.", "success": "False when the balance could not be read."},
    "UserWalletView": {
        "id": "Id of the wallet: `user_wallet_id` elsewhere.",
        "status": "Status of the wallet.",
        "status_reason": "Why the wallet is paused, suspended or in error.",
        "wallet_id": "Id of the definition of this wallet.",
    },
    "CreateWalletRequest": {"wallet_id": "Id or slug of a wallet definition."},
    "HealthView": {"status": "`ok`: the service answers.", "database": "`ok`: the database accepts writes."},
    "ResetRequest": {"initial_balance_usd": "Balance to start again with, in US dollars."},
    "RefreshRequest": {"refresh_token": "Token of an earlier log-in."},
    "RiskLimitsChange": {
        "max_open_positions": _STAYS,
        "max_position_size_usd": _STAYS,
        "max_total_exposure_usd": _STAYS,
    },
    "StopLossRequest": {"percent": "Distance below the average fill, in percent."},
    "TakeProfitRequest": {"percent": "Distance above the average fill, in percent."},
    "TokensView": {
        "access_token": "Token for the header `Authorization`.",
        "refresh_token": "Token with which POST /auth/refresh gives new ones.",
        "token_type": "Scheme of the header `Authorization`.",
    },
    "UpdateWalletRequest": {"risk_limits": "Limits to change. Other limits stay."},
}
