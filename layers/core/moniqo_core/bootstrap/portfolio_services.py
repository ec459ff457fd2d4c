"""The services in :mod:`moniqo_core.services.portfolio`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap

if TYPE_CHECKING:
    from moniqo_core.services.portfolio.balances import Balances
    from moniqo_core.services.portfolio.markets import Markets
    from moniqo_core.services.portfolio.service import Portfolio


@cache
def balances() -> Balances:
    """Balances of users' wallets."""
    from moniqo_core.services.portfolio.balances import Balances

    return Balances(bootstrap.wallets())


@cache
def markets() -> Markets:
    """Markets as users' wallets see them."""
    from moniqo_core.services.portfolio.markets import Markets

    return Markets(bootstrap.wallets())


@cache
def portfolio() -> Portfolio:
    """Positions, results and history of users' wallets."""
    from moniqo_core.services.portfolio.service import Portfolio

    return Portfolio(bootstrap.wallets())
