"""The part of a sync's statement that comes from the state of a paper account."""

from __future__ import annotations

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.portfolio.balance_equation import AssetFlows, Flow
from moniqo_core.domain.wallets.user_wallet import AccountRecord, UserWalletStatus


def asset_flows_of(account: Account) -> AssetFlows:
    """Compute the movements of a paper account from its positions, which are kept apart from its balances.

    A purchase turns cash into cost, and a sale turns cost into cash and realised profit. Cash from trades is therefore
    realised profit + fees - cost. The holdings that a fork began with count as bought at their cost.
    """
    cash = account.terms.cash_asset
    with exact():
        positions = account.positions
        fees = sum((position.fees for position in positions.values()), ZERO)
        traded = sum((position.realised + position.fees - position.cost for position in positions.values()), ZERO)
        flows = {symbol.partition("/")[0]: Flow(traded=held.amount) for symbol, held in positions.items()}
        flows[cash] = Flow(traded, fees, account.opening)
    return AssetFlows(account.epoch, account.at, flows, account.seq)


def account_record_of(account: Account) -> AccountRecord:
    """Return the state that the user wallet of a paper account must show."""
    held = {symbol for symbol, position in account.positions.items() if position.amount}
    walked = [account.evaluated_until[symbol] for symbol in held | account.open_order_totals.keys()]
    return AccountRecord(
        UserWalletStatus(account.status),
        account.reason,
        account.limits,
        bool(account.orders),
        min(walked, default=None),
        pause_level_of(account),
        None if account.status_before_suspension is None else UserWalletStatus(account.status_before_suspension),
    )
