"""The HTTP session of one venue."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

    import aiohttp
    from aiohttp.abc import AbstractResolver


MAX_SOCKETS: Final = 50
IDLE_SOCKET_SECONDS: Final = 10


def open_session(resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """Open the HTTP session of one venue. It keeps no cookies. Names are resolved by ``resolver`` if there is one."""
    import aiohttp

    # A socket that was idle while Lambda froze the process may be dead. An order must not be sent on it.
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        ssl=_trust(),
        limit=MAX_SOCKETS,
        keepalive_timeout=IDLE_SOCKET_SECONDS,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


@cache
def _trust() -> ssl.SSLContext:
    """Return the certificate authorities that verify all venues. Reading them takes longer than an order."""
    import ssl

    import certifi

    return ssl.create_default_context(cafile=certifi.where())
