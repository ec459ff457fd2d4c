"""The factory of the connector, which opens users' wallets."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap

if TYPE_CHECKING:
    from moniqo_core.venues.polygon_http import PolygonHttp
    from moniqo_core.wallets.connector import WalletConnector


@cache
def wallets() -> WalletConnector:
    """Return the connector, which opens users' wallets."""
    from moniqo_core.wallets.connector import WalletConnector

    chosen = bootstrap.settings()
    return WalletConnector(
        bootstrap.database(),
        cipher=bootstrap.cipher,
        allow_loopback=chosen.loopback_venues,
        venue_hosts=chosen.listed("venue_hosts"),
        calls_from=chosen.egress_address,
        price_venues=chosen.listed("price_venues"),
        polygon=_polygon(),
    )


def _polygon() -> PolygonHttp | None:
    chosen = bootstrap.settings()
    if chosen.polygon_secret_id is None:
        return None
    from moniqo_core.secret_reader import read_secret
    from moniqo_core.venues.polygon_http import ADDRESS, PolygonHttp

    secret = chosen.polygon_secret_id
    return PolygonHttp(lambda: read_secret(secret, os.environ).strip(), chosen.polygon_url or ADDRESS)
