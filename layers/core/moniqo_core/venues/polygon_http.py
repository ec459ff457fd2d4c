"""The HTTP client of Polygon. It sends the deployment's one key in a header, never in a URL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from moniqo_core.domain.errors import MarketDataError, SymbolNotFoundError
from moniqo_core.venues.exchanges.refusals import retry_after
from moniqo_core.venues.transport.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    import aiohttp

SECONDS: Final = 2.0
ADDRESS: Final = "https://api.polygon.io"

_OK: Final = 200
_REFUSED: Final = {
    401: "it does not accept this deployment's key",
    403: "this deployment's plan does not include it",
    429: "it accepts no more requests for now",
}


class PolygonHttp:
    """Sends each request once. Prices are soon requested again, so a failure is not retried here."""

    def __init__(
        self, read_key: Callable[[], str], address: str = ADDRESS, circuit_breaker: CircuitBreaker | None = None
    ) -> None:
        """Prepare the client. Before the first request, it opens nothing and does not read the key."""
        self._read_key = read_key
        self._key: str | None = None
        self._address = address.rstrip("/")
        self._circuit_breaker = circuit_breaker or CircuitBreaker()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the sockets. The next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        """Return the parsed JSON answer to ``GET path``. Numbers with a decimal point are ``Decimal``.

        Raises:
            SymbolNotFoundError: Polygon answered 404.
            MarketDataError: Polygon refused the request, did not answer, or its answer is not JSON.

        """
        wait = self._circuit_breaker.wait()
        if wait:
            raise _failed("it has not answered for a while", wait)
        try:
            async with asyncio.timeout(SECONDS):
                status, headers, body = await self._ask(path, query)
        except Exception:  # noqa: BLE001 - every error of the HTTP client means that there was no answer
            self._circuit_breaker.failed(None)
            raise _failed("it did not answer") from None
        if status == 404:  # noqa: PLR2004
            self._circuit_breaker.answered()
            raise SymbolNotFoundError("Polygon does not know this symbol.")
        if status != _OK:
            self._record_outcome(status)
            why = _REFUSED.get(status, f"it answered HTTP {status}")
            raise _failed(why, retry_after(headers, datetime.now(UTC)) if status in {429, 503} else None)
        self._circuit_breaker.answered()
        try:
            return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise _failed("its answer could not be read") from None

    def _record_outcome(self, status: int) -> None:
        if status < 500:  # noqa: PLR2004
            self._circuit_breaker.answered()
        else:
            self._circuit_breaker.failed(None)

    async def _ask(self, path: str, query: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        if self._key is None:
            self._key = await asyncio.to_thread(self._read_key)
        given = {"Authorization": f"Bearer {self._key}"}
        url = f"{self._address}{path}"
        async with self._open_session().get(url, params=query, headers=given, allow_redirects=False) as answer:
            return answer.status, answer.headers, await answer.read()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            from moniqo_core.venues.transport.http_session import open_session

            self._session = open_session()
        return self._session


def _failed(why: str, wait: int | None = None) -> MarketDataError:
    return MarketDataError(f"Polygon provided no price because {why}.", retry_after=wait or 2)


def _no_constant(name: str) -> Any:
    raise ValueError(name)
