"""The route of every endpoint. It identifies the caller, reads query and body strictly, and calls the endpoint.

It replaces the wrappers that FastAPI puts around a route (exceptions, exit stacks, a second request object), and takes
the caller out of the dependency graph. FastAPI solves that graph only where :mod:`moniqo_core.http.arguments` cannot
read the arguments: it finds out what is wrong with a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, cast, get_args

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from moniqo_core.domain.errors import MalformedRequestError
from moniqo_core.http.arguments import ABSENT, Arguments, NotPlainError
from moniqo_core.http.authentication import Caller, identify, identify_admin
from moniqo_core.http.invalid_fields import invalid_request, refusal
from moniqo_core.http.json_body import parse, require_json
from moniqo_core.http.query_parameters import parameters, query_names, read_query

CALLER: Final = "moniqo.caller"


class Route(APIRoute):
    """A route that knows its query parameters, and whose body must be JSON."""

    identify: Callable[[Request], Awaitable[Caller]] | None
    """Returns the caller, and is None if anyone may call the route."""
    query_names: tuple[str, ...]
    """The query parameters that the route takes. It refuses any other."""
    arguments: Arguments | None
    """Reads the arguments of the endpoint, and is None if only FastAPI can."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the arguments of FastAPI's route."""
        super().__init__(*arguments, **options)
        self.identify = _take_caller(self)
        self.query_names = query_names(self.dependant)
        self.arguments = _plain_arguments(self)
        self.app = _application(self)


class _JsonRequest(Request):
    """A request whose body has already been read and parsed."""

    def __init__(self, scope: Scope, receive: Receive, body: bytes, document: object) -> None:
        super().__init__(scope, receive)
        self._bytes = body
        self._document = document

    async def body(self) -> bytes:
        return self._bytes

    async def json(self) -> object:
        return self._document


def _application(route: Route) -> ASGIApp:
    endpoint = cast("Callable[..., Awaitable[Response]]", route.dependant.call)
    solve = _solving(route)
    has_body = route.body_field is not None
    model = _body_model(route)
    called = _called(route)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if route.identify is not None:
            scope[CALLER] = await route.identify(request)
        text = scope["query_string"]
        query = read_query(text, route.query_names, called) if text else {}
        document = ABSENT
        if has_body:
            require_json(scope)
            if body := await _whole_body(receive):
                document = parse(body)
                _refuse_null(document, model, called)
            request = _JsonRequest(scope, receive, body, document)
        else:
            await _refuse_body(request, called, route.query_names)
        values = await route.arguments.read(request, query, document) if route.arguments is not None else None
        response = await (solve(request) if values is None else endpoint(**values))
        await response(scope, receive, send)

    return answer


def _solving(route: Route) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a request as FastAPI would, with the refusal in our form."""
    handle = route.get_route_handler()
    model = _body_model(route)

    async def solve(request: Request) -> Response:
        async with AsyncExitStack() as stack:
            for name in ("fastapi_middleware_astack", "fastapi_inner_astack", "fastapi_function_astack"):
                request.scope[name] = stack
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise invalid_request(error, model) from None

    return solve


def _plain_arguments(route: APIRoute) -> Arguments | None:
    try:
        return Arguments(route.dependant)
    except NotPlainError:
        return None


def _called(route: APIRoute) -> str:
    """Name a route by its method and path, for hints."""
    return f"{', '.join(sorted(route.methods or ()))} {route.path}"


async def _whole_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


def _refuse_null(document: object, model: type[BaseModel] | None, called: str) -> None:
    """Refuse the body ``null`` where it does not stand for no body."""
    if document is None and not getattr(model, "null_is_absent", True):
        null = {"field": "body", "message": "Input should be an object", "code": "model_type"}
        raise refusal([null], 1, f"Send {called} with an object, or without a body.")


async def _refuse_body(request: Request, called: str, names: Sequence[str]) -> None:
    """Refuse a body with content on a route that takes none: every field of it is unknown."""
    event = request.scope.get("aws.event")
    if event and event.get("body") and _has_content(await request.body()):
        unexpected = {"field": "body", "message": "This route takes no body.", "code": "body_unexpected"}
        raise refusal([unexpected], 1, f"Send {called} without a body. It takes {parameters(names)}.")


def _has_content(body: bytes) -> bool:
    """Tell whether a body has content. White space, ``null`` and an object without fields are none."""
    if not body.strip():
        return False
    try:
        return parse(body) not in (None, {})
    except MalformedRequestError:
        return True


def _body_model(route: APIRoute) -> type[BaseModel] | None:
    annotation = route.body_field.field_info.annotation if route.body_field is not None else None
    # The type of an optional body is a union with None.
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _take_caller(route: APIRoute) -> Callable[[Request], Awaitable[Caller]] | None:
    """Replace a route's dependency on the caller by the request. Return what finds the caller, or None without one.

    The endpoint still gets the caller.
    """
    dependant = route.dependant
    for dependency in dependant.dependencies:
        if dependency.call not in {identify, identify_admin}:
            continue
        find, name, endpoint = dependency.call, dependency.name, dependant.call
        if name is None or endpoint is None or dependant.request_param_name is not None:
            message = f"{route.name}: a route takes the request or the caller, not both"
            raise TypeError(message)
        dependant.dependencies.remove(dependency)
        dependant.request_param_name = name
        dependant.call = _with_caller(endpoint, name)
        return find
    return None


def _with_caller(endpoint: Callable[..., Any], name: str) -> Callable[..., Awaitable[Any]]:
    async def call(**values: Any) -> Any:
        values[name] = values[name].scope[CALLER]
        return await endpoint(**values)

    return call
