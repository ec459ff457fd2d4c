"""Three operations through the generated Python client. The environment names the API and the tokens."""

from __future__ import annotations

import os

from moniqo_client import AuthenticatedClient, Client
from moniqo_client.api.authentication import login
from moniqo_client.api.orders import place_order
from moniqo_client.api.wallets import create_wallet, list_wallets
from moniqo_client.models import (
    CreateWalletRequest,
    GatewayRefusal,
    LoginRequest,
    OrderView,
    PageViewUserWalletView,
    PlaceOrderRequest,
    Problem,
    UserWalletView,
)

URL = os.environ["API_URL"]
LIMITS = {"max_position_size_usd": 1000, "max_total_exposure_usd": 5000, "max_open_positions": 5}
WALLET = {
    "wallet_id": "demo-wallet-v1",
    "custom_name": "Generated",
    "credentials": {"initial_balance_usd": "10000"},
    "risk_limits": {**LIMITS, "daily_loss_limit_usd": "500"},
}
ORDER = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01"}

user = AuthenticatedClient(base_url=URL, token=os.environ["TOKEN"])
late = AuthenticatedClient(base_url=URL, token=os.environ["EXPIRED_TOKEN"])

wallet = create_wallet.sync(client=user, body=CreateWalletRequest.from_dict(WALLET))
assert isinstance(wallet, UserWalletView), wallet
order = place_order.sync(wallet.id, client=user, body=PlaceOrderRequest.from_dict(ORDER))
assert isinstance(order, OrderView), order
assert order.filled_amount == "0.01"
page = list_wallets.sync(client=user)
assert isinstance(page, PageViewUserWalletView), page
assert wallet.id in [item.id for item in page.items]

refused = list_wallets.sync_detailed(client=late)
assert refused.status_code == 401
assert isinstance(refused.parsed, GatewayRefusal), refused.parsed
assert refused.parsed.message == "Unauthorized"

wrong = login.sync(client=Client(base_url=URL), body=LoginRequest(email="nobody@example.com", password="wrong"))
assert isinstance(wrong, Problem), wrong
assert wrong.code == "UNAUTHENTICATED"
print("done")
