"""Functions in `sam local invoke`, each with its event from events/: a few of each kind, or all with ALL=1.

They run in this order, because most events are about the wallet that the event of `create_wallet` makes.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

import pytest

from tests.support.sam_local.sam import SamLocal
from tests.support.stack import ROOT, functions, logical_id, routes

FEW: Final = ("list_definitions", "create_wallet", "place_order", "get_balance", "dispatch_sync", "sync_wallets")
FIRST: Final = ("list_definitions", "create_wallet", "place_order")
LAST: Final = ("delete_wallet",)
CHOSEN: Final = (*FIRST, *sorted(set(functions()) - {*FIRST, *LAST}), *LAST) if os.environ.get("ALL") == "1" else FEW
SERVED: Final = {function for function, _, _ in routes()}
REFUSED: Final = {
    "cancel_order": "NOT_FOUND",
    "login": "UNAUTHENTICATED",
    "refresh_token": "UNAUTHENTICATED",
    "reinstate_wallet": "CONFLICT",
    "replace_order": "ORDER_ALREADY_FILLED",
}
"""Events that the service must refuse, with the code of its answer: nobody has the example's password, for instance."""
FAILED: Final = {"rotate_key": "RotationError"}
"""Events that the function must fail on. That one names the example's secret."""


@pytest.mark.parametrize("function", CHOSEN)
def test_function_answers_its_event(sam: SamLocal, function: str) -> None:
    result: Any = sam.invoke(logical_id(function), ROOT / "events" / f"{function}.json")
    assert result.get("errorType") == FAILED.get(function), result
    assert ("statusCode" in result) == (function in SERVED), result
    if function in SERVED:
        code = None if result["statusCode"] < 300 else json.loads(result["body"])["code"]
        assert code == REFUSED.get(function), result
