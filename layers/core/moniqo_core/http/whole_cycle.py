"""One request and its answer, each of which Lambda passes on as a whole."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from mangum.exceptions import UnexpectedMessage
from mangum.protocols.http import HTTPCycle, HTTPCycleState
from starlette.types import Message

_log: Final = logging.getLogger("mangum.http")


class WholeCycle(HTTPCycle):
    """Mangum's cycle without its queue and its buffer, which cost a tenth of the edge of a request.

    Mangum runs the application, and answers 500 if it fails. ``tests/contract/test_whole_cycle.py`` compares both.
    """

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        """Take a request. Mangum's own initialiser would make the queue and the buffer."""
        self.scope = scope
        self.state = HTTPCycleState.REQUEST
        self.logger = _log
        self._waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._content = b""

    async def receive(self) -> Message:
        """Return the request once. After that nothing comes, because the client of a Lambda never disconnects."""
        if not self._waiting:
            await asyncio.get_running_loop().create_future()
        return self._waiting.pop()

    async def send(self, message: Message) -> None:
        """Take the status with the headers, or a part of the body."""
        if self.state is HTTPCycleState.REQUEST and message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = message.get("headers", [])
            self.state = HTTPCycleState.RESPONSE
        elif self.state is HTTPCycleState.RESPONSE and message["type"] == "http.response.body":
            self._content += message.get("body", b"")
            if not message.get("more_body", False):
                self.body = self._content
                self.state = HTTPCycleState.COMPLETE
        else:
            raise UnexpectedMessage(f"Unexpected {message['type']}")
