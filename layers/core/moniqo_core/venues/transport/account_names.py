"""The names by which a venue knows an account: the API key, and the account's id where the venue tells it.

Two wallets with a name in common trade the same account. An account has other names on a venue's test network.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.exchanges.venue import Venue
from moniqo_core.venues.transport.venue_address import LOOPBACK_HOSTS


def on_test_network(venue: Venue, config: ApiConfig) -> bool:
    """Tell whether an address is on the venue's test network, or a ``testnet_url`` on this machine."""
    host = urlsplit(config.base_url or config.testnet_url or "").hostname
    return host in venue.test_hosts or (config.base_url is None and host in LOOPBACK_HOSTS)


def key_name(venue: Venue, credentials: Mapping[str, str], *, test_network: bool) -> str | None:
    """Return the name of the API key in ``credentials``, None if there is none. No request is made."""
    field = next(field for field, name in venue.fields.items() if name == "apiKey")
    # HTTP ignores spaces around the value of a header, so a key with spaces is the same key.
    key = credentials.get(field, "").strip()
    return f"{_network(venue, test_network=test_network)} key {key}" if key else None


def account_name(venue: Venue, account_id: str, *, test_network: bool) -> str:
    """Return the name of the account that the venue calls ``account_id``."""
    return f"{_network(venue, test_network=test_network)} account {account_id}"


def _network(venue: Venue, *, test_network: bool) -> str:
    return f"{venue.exchange} {'test' if test_network else 'production'}"
