"""Routes: which arguments are read without FastAPI, and how a request finds its route."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Body, Cookie, Depends, Header, Query
from fastapi.dependencies.utils import get_dependant
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from moniqo_core.http.app import api_router, lambda_handler
from moniqo_core.http.arguments import Arguments, NotPlainError
from tests.support.lambdas import http_event

router = api_router(prefix="")


class Part(BaseModel):
    """A body."""

    name: str


async def a_coroutine(wanted: int = 1) -> int:
    return wanted


def a_function(wanted: int = 1) -> int:
    return wanted


async def a_generator() -> Any:
    yield 1


async def takes_body(part: Part) -> Part:
    return part


@router.get("/things/{thing}")
async def read_thing(thing: str, size: Annotated[list[int] | None, Query()] = None, shade: str = "red") -> Response:
    """Take a list, which only FastAPI reads."""
    return Response(json.dumps([thing, size, shade]))


@router.post("/things/{thing}")
async def change_thing(thing: int, part: Part, request: Request, double: int = Depends(a_coroutine)) -> Response:
    """Take only what is read without FastAPI."""
    return Response(json.dumps([thing, part.name, request.method, double]))


HANDLER = lambda_handler(router)


def answer(method: str, path: str, **given: Any) -> tuple[int, Any]:
    event = http_event(method, "/", **given)
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    result = HANDLER(event, None)
    return result["statusCode"], json.loads(result["body"])


def test_route_that_is_not_plain_is_read_by_fastapi() -> None:
    assert answer("GET", "/things/x", query={"size": "7"}) == (200, ["x", [7], "red"])
    assert answer("GET", "/things/x", query={"shade": "blue"}) == (200, ["x", None, "blue"])


def test_plain_route_gets_its_arguments() -> None:
    assert answer("POST", "/things/7", body={"name": "n"}, query={"wanted": "3"}) == (200, [7, "n", "POST", 3])
    assert answer("POST", "/things/7", body={"name": "n"}) == (200, [7, "n", "POST", 1])


def test_body_may_be_encoded_in_base64() -> None:
    event = http_event("POST", "/api/", body=base64.b64encode(b'{"name": "n"}').decode()) | {"isBase64Encoded": True}
    event["rawPath"] = "/things/7"
    assert json.loads(HANDLER(event, None)["body"]) == [7, "n", "POST", 1]


@pytest.mark.parametrize(
    ("path", "given", "fields"),
    [
        ("/things/x", {"body": {"name": "n"}}, ["thing"]),
        ("/things/7", {"body": {}}, ["name"]),
        ("/things/7", {}, ["body"]),
        ("/things/x", {"body": {"name": 5}, "query": {"wanted": "many"}}, ["wanted", "thing", "name"]),
    ],
)
def test_refusal_names_everything_that_is_wrong(path: str, given: dict[str, Any], fields: list[str]) -> None:
    status, problem = answer("POST", path, **given)
    assert (status, problem["code"]) == (422, "VALIDATION_ERROR")
    assert [error["field"] for error in problem["errors"]] == fields


NO_ROUTES = [("PUT", "/things/7"), ("GET", "/other"), ("GET", "/things/7/"), ("GET", "/")]


@pytest.mark.parametrize(("method", "path"), NO_ROUTES)
def test_request_without_a_route_is_404(method: str, path: str) -> None:
    status, problem = answer(method, path)
    assert (status, problem["code"], problem["detail"]) == (404, "NOT_FOUND", "There is no such route.")


def typed(kind: Any) -> Callable[..., Any]:
    def endpoint(thing: Any) -> None:
        """Take a thing."""

    endpoint.__annotations__ = {"thing": kind}
    return endpoint


@pytest.mark.parametrize(
    "kind",
    [
        Annotated[list[str], Query()],
        Annotated[list[str] | None, Query()],
        Annotated[Part, Query()],
        Annotated[str, Cookie()],
        Annotated[str, Header(default_factory=str)],
        Annotated[str, Query(validate_default=True)],
        Annotated[str, Query(validation_alias="other")],
        Annotated[int, Depends(a_function)],
        Annotated[int, Depends(a_generator)],
        Annotated[Part, Depends(takes_body)],
        Annotated[Part, Body(embed=True)],
        Annotated[set[int], Header()],
        BackgroundTasks,
        Response,
    ],
)
def test_unusual_declarations_are_left_to_fastapi(kind: Any) -> None:
    with pytest.raises(NotPlainError):
        Arguments(get_dependant(path="/", call=typed(kind)))


@pytest.mark.parametrize(
    "kind", [str, int | None, Annotated[Part, Body()], Part | None, Annotated[int, Depends(a_coroutine)]]
)
def test_usual_declarations_are_read(kind: Any) -> None:
    Arguments(get_dependant(path="/", call=typed(kind)))
