"""The factories of the services in :mod:`moniqo_core.services.portfolio`."""

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
    """Return the service for balances of users' wallets."""
    from moniqo_core.services.portfolio.balances import Balances

    return Balances(bootstrap.wallets())


@cache
def markets() -> Markets:
    """Return the service for the markets of users' wallets."""
    from moniqo_core.services.portfolio.markets import Markets

    return Markets(bootstrap.wallets())


@cache
def portfolio() -> Portfolio:
    """Return the service for positions, performance and history of users' wallets."""
    from moniqo_core.services.portfolio.service import Portfolio

    return Portfolio(bootstrap.wallets())
