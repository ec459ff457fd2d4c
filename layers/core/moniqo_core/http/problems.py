"""Errors as RFC 9457 problem details, in answers and in the OpenAPI document."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from moniqo_core import bootstrap, observability
from moniqo_core.domain import errors
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.money import plain

MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "https://errors.moniqo.dev/"
RETRY_AFTER_SECONDS: Final = 2
MAX_INSTANCE_LENGTH: Final = 500

_UNEXPECTED: Final = "An unexpected error occurred."
_ALWAYS: Final = (errors.ValidationError, WalletError, errors.TemporarilyUnavailableError)


def type_of(code: str) -> str:
    """Return the URI that names an error code."""
    return TYPE_BASE + code.lower().replace("_", "-")


def translate(error: Exception) -> WalletError:
    """Return the domain error that answers ``error``. An unexpected error is logged and becomes INTERNAL_ERROR."""
    if isinstance(error, WalletError):
        return error
    if isinstance(error, HTTPException):
        return errors.NotFoundError("There is no such route.")
    if isinstance(error, TimeoutError):
        observability.error("request timed out", error)
        return errors.TemporarilyUnavailableError(
            "The request took too long to answer.", retry_after=RETRY_AFTER_SECONDS
        )
    if bootstrap.is_outage(error):
        observability.error("database unavailable", error)
        return errors.TemporarilyUnavailableError("The database did not answer.", retry_after=RETRY_AFTER_SECONDS)
    observability.error("unhandled error", error)
    return WalletError(_UNEXPECTED)


def answer(error: Exception, instance: str, request_id: str) -> tuple[str, Response]:
    """Return the code of the problem that answers ``error``, and the response.

    It raises nothing. An error whose members cannot be written is reported without them.
    """
    refusal = WalletError(_UNEXPECTED)
    try:
        refusal = translate(error)
        return refusal.code, problem(refusal, instance, request_id)
    except Exception as failure:  # noqa: BLE001 - whatever it is, the first error has to be answered
        observability.error("error could not be reported", failure)
        refusal.members = {}
        return refusal.code, problem(refusal, instance, request_id)


def problem(error: WalletError, instance: str, request_id: str) -> Response:
    """Return the response that reports ``error`` as a problem document."""
    document: dict[str, object] = {
        "type": type_of(error.code),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance[:MAX_INSTANCE_LENGTH],
        "code": error.code,
        "request_id": request_id,
        "hint": error.advice,
        "retryable": error.retryable,
    }
    for name, value in error.members.items():
        document.setdefault(name, value)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
    if error.retry_after is None and error.status in {429, 503}:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if error.status == 401:  # noqa: PLR2004
        headers = {"WWW-Authenticate": "Bearer"}
    return Response(json.dumps(document, default=_member).encode(), error.status, headers, media_type=MEDIA_TYPE)


def _member(value: object) -> object:
    """Return a member of a problem as JSON: amounts as plain decimals, times in UTC, views as objects."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump else str(value)


def problem_responses(*refusals: type[WalletError]) -> dict[int | str, dict[str, Any]]:
    """Return the errors of a route for its ``responses=``. Errors with the same status become its examples.

    Every route may answer 422, 500 and 503, so these are always included. :mod:`moniqo_core.openapi` adds 400, 401,
    403, 413 and 429 if the body, the dependencies or the gateway require them.
    """
    wanted: tuple[type[WalletError], ...] = (*refusals, *_ALWAYS)
    described: dict[int | str, dict[str, Any]] = {}
    for refusal in wanted:
        new = describe(refusal)
        present = described.setdefault(refusal.status, new)
        present["content"][MEDIA_TYPE]["examples"] |= new["content"][MEDIA_TYPE]["examples"]
    return described


def describe(refusal: type[WalletError]) -> dict[str, Any]:
    """Return the OpenAPI response of one error class."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {
        MEDIA_TYPE: {"schema": schema, "examples": {refusal.code: {"$ref": f"#/components/examples/{refusal.code}"}}}
    }
    return {"description": f"{HTTPStatus(refusal.status).phrase}.", "content": content}


def example(refusal: type[WalletError]) -> Mapping[str, Any]:
    """Return the OpenAPI example of one error class."""
    meaning = inspect.getdoc(refusal) or refusal.title
    document: dict[str, Any] = {
        "type": type_of(refusal.code),
        "title": refusal.title,
        "status": refusal.status,
        "detail": _UNEXPECTED if refusal is WalletError else meaning.splitlines()[0],
        "instance": "/api/v1/wallets",
        "code": refusal.code,
        "request_id": "Xy1aBhQ5oAMEJ3A=",
        "hint": refusal.hint,
        "retryable": refusal.retryable,
    }
    if refusal is errors.ValidationError:
        document["errors"] = [{"field": "amount", "message": "Input should be greater than 0.", "code": "greater_than"}]
    return {"value": document}
