"""The HTTP session of one venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import aiohttp


MAX_SOCKETS: Final = 50
IDLE_SOCKET_SECONDS: Final = 10


def open_session() -> aiohttp.ClientSession:
    """Open the HTTP session of one venue. It keeps no cookies."""
    import ssl

    import aiohttp
    import certifi

    # A socket that was idle while Lambda froze the process may be dead. An order must not be sent on it.
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=certifi.where()),
        limit=MAX_SOCKETS,
        keepalive_timeout=IDLE_SOCKET_SECONDS,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
