"""Our cycle of a request gives the same result as Mangum's, whatever the application does.

It leans on what Mangum's cycle does with its attributes. A release of Mangum that changes this fails here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from mangum.protocols.http import HTTPCycle
from mangum.types import ASGI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from moniqo_core import event_loop
from moniqo_core.http.whole_cycle import WholeCycle

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/",
    "headers": [],
    "asgi": {"version": "3.0", "spec_version": "2.3"},
}
START = {"type": "http.response.start", "status": 201, "headers": [(b"x-name", b"value")]}
BODY = {"type": "http.response.body", "body": b"body"}


async def echoes(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(await Request(scope, receive).body(), 201, {"x-name": "value"})(scope, receive, send)


async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one", b"", b"two"):
            await asyncio.sleep(0)
            yield piece

    await StreamingResponse(pieces())(scope, receive, send)


async def fails_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError


async def is_cancelled(scope: Scope, receive: Receive, send: Send) -> None:
    raise asyncio.CancelledError


def sends(*messages: dict[str, Any], fails: bool = False) -> ASGI:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)
        if fails:
            raise ValueError

    return application


APPLICATIONS: Mapping[str, ASGI] = {
    "echoes": echoes,
    "streams": streams,
    "fails at once": fails_at_once,
    "is cancelled": is_cancelled,
    "no headers": sends({"type": "http.response.start", "status": 204}, {"type": "http.response.body"}),
    "pieces": sends(START, BODY | {"more_body": True}, BODY | {"more_body": True}, BODY),
    "fails before the answer": sends(fails=True),
    "fails after the status": sends(START, fails=True),
    "fails within the body": sends(START, BODY | {"more_body": True}, fails=True),
    "fails after the answer": sends(START, BODY, fails=True),
    "two statuses": sends(START, START),
    "body first": sends(BODY, START),
    "two bodies": sends(START, BODY, BODY),
    "other message": sends({"type": "http.response.trailers"}),
    "no answer": sends(),
    "no body": sends(START),
}


def result(make: Callable[[Any, bytes], HTTPCycle], application: ASGI) -> object:
    """Return what a cycle answers, with each header as a pair, or the type of the error that it raises."""
    event_loop.current()
    try:
        answer = make(dict(SCOPE), b"\x00request")(application)
    except Exception as error:  # noqa: BLE001 - both cycles must raise the same
        return type(error)
    return answer | {"headers": [tuple(header) for header in answer["headers"]]}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_cycle_answers_as_that_of_mangum(name: str) -> None:
    ours, theirs = result(WholeCycle, APPLICATIONS[name]), result(HTTPCycle, APPLICATIONS[name])
    assert ours == theirs


def test_attributes_that_mangum_makes_are_known() -> None:
    """A new one may be needed where Mangum runs the application."""

    async def attributes(make: Callable[[Any, bytes], HTTPCycle]) -> set[str]:
        return set(vars(make(dict(SCOPE), b"")))

    theirs = event_loop.run(attributes(HTTPCycle))
    assert theirs - event_loop.run(attributes(WholeCycle)) == {"buffer", "app_queue"}
