"""The template for a new venue matches the wallet interface."""

from __future__ import annotations

import inspect

import pytest

from moniqo_core.domain.errors import InvalidCredentialsError, InvalidOrderError, WalletNotInitializedError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.wallets._template import TemplateWallet
from moniqo_core.wallets.venue_wallet import VenueWallet
from tests.conftest import Run

ABSTRACT = sorted(VenueWallet.__abstractmethods__)
WORKING = {"initialize", "is_initialized", "close", "require_connection"}


def template(**credentials: str) -> TemplateWallet:
    return TemplateWallet("definition", "wallet", credentials)


@pytest.mark.parametrize("name", ABSTRACT)
def test_each_method_has_the_signature_of_the_interface(name: str) -> None:
    assert inspect.signature(getattr(TemplateWallet, name)) == inspect.signature(getattr(VenueWallet, name))


@pytest.mark.parametrize("name", sorted(set(ABSTRACT) - WORKING))
def test_unwritten_method_raises_an_error_with_its_name(name: str, run: Run) -> None:
    wallet = template(api_key="key", api_secret="canary")
    method = getattr(wallet, name)
    needed = [
        OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.MARKET) if parameter.name == "order" else None
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is inspect.Parameter.empty
    ]
    with pytest.raises(WalletNotInitializedError):
        run(method(*needed))
    run(wallet.initialize())
    with pytest.raises(
        NotImplementedError, match=rf"TemplateWallet\.{name} is not implemented\. Callers expect \w+"
    ) as told:
        run(method(*needed))
    assert "canary" not in str(told.value)


def test_credentials_are_checked_first(run: Run) -> None:
    with pytest.raises(InvalidCredentialsError, match="Missing credentials: api_secret"):
        run(template(api_key="key").initialize())
    assert run(template().test_connection()) == (False, "Invalid credentials")


def test_unsupported_order_type_is_refused(run: Run) -> None:
    wallet = template(api_key="key", api_secret="secret")
    run(wallet.initialize())
    with pytest.raises(InvalidOrderError):
        run(wallet.place_order("BTC/USDT", OrderSide.SELL, OrderType.TRAILING_STOP, None))
