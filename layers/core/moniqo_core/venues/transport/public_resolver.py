"""Resolves the host of a venue, and keeps only addresses that are publicly reachable.

A name may lead anywhere, also into a private network, and may lead elsewhere a moment later. The addresses that pass
here are those that the connection uses.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from moniqo_core.venues.transport.venue_address import LOOPBACK_HOSTS, is_public_address

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver, ResolveResult


def public_resolver(*, allow_loopback: bool) -> AbstractResolver:
    """Return a resolver for :class:`aiohttp.TCPConnector`. It raises OSError for a name without a public address.

    Args:
        allow_loopback: Whether the names of this machine may be resolved.

    """
    from aiohttp.abc import AbstractResolver
    from aiohttp.resolver import ThreadedResolver

    class PublicResolver(AbstractResolver):
        def __init__(self) -> None:
            self._resolver = ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await self._resolver.resolve(host, port, family)
            if allow_loopback and host in LOOPBACK_HOSTS:
                return found
            public = [entry for entry in found if is_public_address(ip_address(entry["host"].partition("%")[0]))]
            if not public:
                message = "the name of the venue leads to no public address"
                raise OSError(message)
            return public

        async def close(self) -> None:
            await self._resolver.close()

    return PublicResolver()
