"""For every route, the arguments that we read equal those that FastAPI would pass to the endpoint.

Reading leans on what FastAPI finds in a signature: ``Dependant`` and its fields, which its documentation does not name.
A release of FastAPI that changes them fails here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from functools import cache
from random import Random
from typing import Any, NamedTuple, get_type_hints
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import solve_dependencies
from pydantic_core import PydanticUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Message

from moniqo_core import event_loop
from moniqo_core.domain.errors import WalletError
from moniqo_core.http.arguments import ABSENT
from moniqo_core.http.gateway.events import HttpApi
from moniqo_core.http.json_body import parse
from moniqo_core.http.pagination import encode_cursor
from moniqo_core.http.route import Route
from tests.support.lambdas import ROOT, load_function
from tests.support.stack import functions

TEXTS = (
    *("", " ", "x", "é", "x" * 600, "BTC/USDT", "demo-wallet-v1", "SIMULATION", "crypto", "active", "a,b", "\x00"),
    *("0", "1", "5", "-1", "100", "101", "1.5", "1e2", "true", "false", "yes", "True", "null", "[]"),
    *("open", "closed", "buy", "market", "json", "csv", "1h", "1m", "1d", "2026-01", "2026-01-31", "2026-13-01"),
    *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+05:30", "2026-01-31T12:00:00", "!", "W10"),
    *(encode_cursor(values) for values in (["1"], ["1", "2"], ["2026-01-31T12:00:00+00:00", "x"])),
)
KEYS = (None, "", "my-order-1", "with blanks", "x" * 65, "Ünïcode")
BODIES: tuple[Any, ...] = (ABSENT, None, {}, [], "text", 5, True, {"surprise": 1})


class Endpoint(NamedTuple):
    """A route of a function, and the sample event that calls it."""

    route: Route
    event: dict[str, Any]


def all_routes() -> Iterator[Route]:
    for function in functions():
        router = getattr(load_function(function), "router", None)
        yield from (route for route in getattr(router, "routes", ()) if isinstance(route, Route))


@cache
def endpoints() -> dict[str, Endpoint]:
    """Return the routes that have a sample event, by the names of their functions."""
    found: dict[str, Endpoint] = {}
    for function in functions():
        event = json.loads((ROOT / "events" / f"{function}.json").read_text(encoding="utf-8"))
        router = getattr(load_function(function), "router", None)
        for route in getattr(router, "routes", ()):
            if route.matches(HttpApi(event, None).scope)[0] is Match.FULL:
                found[function] = Endpoint(route, event)
    return found


@dataclasses.dataclass(frozen=True)
class Given:
    """A request: what differs from the sample event."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    path: str


def given(endpoint: Endpoint, **changes: Any) -> Given:
    event = endpoint.event
    body = json.loads(event["body"]) if event.get("body") else ABSENT
    sample = Given(dict(parse_qsl(event["rawQueryString"])), event["headers"], body, event["rawPath"])
    return dataclasses.replace(sample, **changes)


def outcomes(route: Route, event: Mapping[str, Any], asked: Given) -> tuple[object, object]:
    """Return what we read, and what FastAPI reads: arguments, the text of a refusal, or None if they are invalid."""
    sent = {"rawPath": asked.path, "rawQueryString": urlencode(asked.query), "headers": asked.headers}
    scope = HttpApi({**event, **sent, "queryStringParameters": {}}, None).scope
    scope.update(route.matches(scope)[1])
    request = Request(scope, _nothing)
    document = ABSENT if asked.body is ABSENT or route.body_field is None else parse(json.dumps(asked.body).encode())
    return event_loop.run(_ours(route, request, asked.query, document)), event_loop.run(
        _fastapis(route, request, document)
    )


async def _ours(route: Route, request: Request, query: Mapping[str, str], document: object) -> object:
    assert route.arguments is not None
    try:
        return await route.arguments.read(request, query, document)
    except WalletError as error:
        return repr(error.members)


async def _fastapis(route: Route, request: Request, document: object) -> object:
    async with AsyncExitStack() as stack:
        request.scope.update(fastapi_inner_astack=stack, fastapi_function_astack=stack)
        try:
            solved = await solve_dependencies(
                request=request,
                dependant=route.dependant,
                body=PydanticUndefined if document is ABSENT else document,
                async_exit_stack=stack,
                embed_body_fields=False,
            )
        except WalletError as error:
            return repr(error.members)
        return None if solved.errors else solved.values


async def _nothing() -> Message:
    raise AssertionError("the body was read already")


def changed_bodies(body: Any, random: Random) -> Iterator[Any]:
    """Yield bodies near a valid one: without a field, and with a wrong value of one."""
    if isinstance(body, dict):
        for name in body:
            yield {other: value for other, value in body.items() if other != name}
            yield {**body, name: random.choice([None, "", "x", 0, -1, 1.5, [], {}, True])}


def requests_near(endpoint: Endpoint, random: Random) -> Iterator[Given]:
    """Yield requests that differ from the sample event in one way, and some that differ in many."""
    sample = given(endpoint)
    accepted: dict[str, list[str]] = {}
    for name in endpoint.route.query_names:
        for text in TEXTS:
            asked = dataclasses.replace(sample, query={**sample.query, name: text})
            if isinstance(outcomes(endpoint.route, endpoint.event, asked)[0], dict):
                accepted.setdefault(name, []).append(text)
            yield asked
        yield dataclasses.replace(sample, query={key: value for key, value in sample.query.items() if key != name})
    for _ in range(20):
        names = [name for name in accepted if random.random() < 0.7]
        query = {name: random.choice(accepted[name] if random.random() < 0.9 else TEXTS) for name in names}
        yield dataclasses.replace(sample, query={**sample.query, **query})
    for key in KEYS:
        others = {name: value for name, value in sample.headers.items() if name != "idempotency-key"}
        yield dataclasses.replace(sample, headers=others if key is None else {**others, "Idempotency-Key": key})
    for body in (*BODIES, *changed_bodies(sample.body, random)):
        yield dataclasses.replace(sample, body=body)
    if parameters := endpoint.event.get("pathParameters"):
        for text in ("x", "é", "%2F", "x" * 500, "\x00"):
            value = next(iter(parameters.values()))
            yield dataclasses.replace(sample, path=sample.path.replace(value, quote(text, safe="")))


def test_every_route_is_read_here_and_not_by_fastapi() -> None:
    routes = list(all_routes())
    assert len(routes) > 45
    assert [route.path for route in routes if route.arguments is None] == []


def test_every_endpoint_returns_a_response() -> None:
    assert [route.name for route in all_routes() if get_type_hints(route.endpoint)["return"] is not Response] == []


def test_declarations_of_fastapi_are_those_that_are_read() -> None:
    """A new one may change what an endpoint gets. Then ``Arguments`` must read it, or leave its routes to FastAPI."""
    assert {field.name for field in dataclasses.fields(Dependant)} == {
        *("path_params", "query_params", "header_params", "cookie_params", "body_params", "dependencies"),
        *("name", "call", "request_param_name", "websocket_param_name", "http_connection_param_name"),
        *("response_param_name", "background_tasks_param_name", "security_scopes_param_name"),
        *("own_oauth_scopes", "parent_oauth_scopes", "use_cache", "path", "scope", "concurrency"),
    }


def test_sample_events_cover_the_routes() -> None:
    assert {endpoint.route.path for endpoint in endpoints().values()} >= {
        route.path for route in all_routes() if route.include_in_schema
    }


@pytest.mark.parametrize("function", sorted(endpoints()))
def test_arguments_equal_those_of_fastapi(function: str, seed: int) -> None:
    endpoint = endpoints()[function]
    sample, _ = outcomes(endpoint.route, endpoint.event, given(endpoint))
    assert isinstance(sample, dict), "the sample event is refused"

    for asked in (given(endpoint), *requests_near(endpoint, Random(seed))):
        ours, theirs = outcomes(endpoint.route, endpoint.event, asked)
        assert ours == theirs, asked
        assert repr(ours) == repr(theirs), asked
