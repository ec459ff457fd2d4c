"""The names of commands in journal entries. Stored names never change, even if a class is renamed."""

from __future__ import annotations

from typing import Any, Final

from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder, OpenAccount, RecordEvaluation, ResetAccount
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, SetLimits, SetStatus

KIND_OF: Final[dict[type[Any], str]] = {
    OpenAccount: "open",
    OrderRequest: "place",
    ClosePosition: "closeposition",
    ReplaceOrder: "replace",
    ResetAccount: "reset",
    CancelOrder: "cancel",
    CancelAllOrders: "cancelall",
    RecordEvaluation: "mark",
    SetStatus: "setstatus",
    SetLimits: "setlimits",
    DeleteWallet: "close",
}
COMMAND_OF: Final[dict[str, type[Any]]] = {kind: command for command, kind in KIND_OF.items()}
