"""The arguments of an endpoint, read by a list that is made once from what FastAPI found in its signature.

FastAPI walks the dependencies of a route anew for every request, which costs a tenth of a warm order. Here only plain
declarations are read: one value each from path, query or headers, one body, and coroutines that take nothing else.
FastAPI reads the others. It also reads every request in which a value is missing or invalid, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from inspect import iscoroutinefunction
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.params import Body, Param
from starlette.requests import Request

ABSENT: Final = object()
"""The document of a request without a body."""

_SCALARS: Final = (str, int, float, Decimal, date, Enum, NoneType)
_UNIONS: Final = (Union, UnionType)

Values = dict[str, Any]
Validate = Callable[[Any], tuple[Any, Sequence[Any]]]
"""Returns the value of what was sent, and what is wrong with it."""


class NotPlainError(TypeError):
    """Only FastAPI can read what an endpoint declares."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument. ``validate`` is None if it is the text that was sent."""

    name: str
    alias: str
    validate: Validate | None
    required: bool
    default: object


@dataclass(frozen=True, slots=True)
class Dependency:
    """An argument that a coroutine makes from the query, the path and the headers."""

    name: str
    make: Callable[..., Any]
    arguments: Arguments


class Arguments:
    """Reads the arguments of one endpoint, or of one of its dependencies."""

    def __init__(self, dependant: Dependant) -> None:
        """Take the declarations of an endpoint.

        Raises:
            NotPlainError: only FastAPI can read them.

        """
        if dependant.cookie_params or len(dependant.body_params) > 1 or _wants_more(dependant):
            raise NotPlainError
        self._dependencies = [_dependency(each) for each in dependant.dependencies]
        self._path = [_parameter(field) for field in dependant.path_params]
        self._query = [_parameter(field) for field in dependant.query_params]
        self._headers = [_parameter(field) for field in dependant.header_params]
        self._body = [_body(field) for field in dependant.body_params]
        self._request = dependant.request_param_name

    async def read(self, request: Request, query: Mapping[str, str], document: object) -> Values | None:
        """Return the arguments by name, or None if a value is missing or invalid.

        Args:
            request: The request, after its route was found.
            query: The parameters in the query string, none of which is repeated.
            document: The parsed body, or :data:`ABSENT`.

        """
        values: Values = {}
        for dependency in self._dependencies:
            taken = await dependency.arguments.read(request, query, ABSENT)
            if taken is None:
                return None
            values[dependency.name] = await dependency.make(**taken)
        sources: tuple[tuple[Sequence[Parameter], Mapping[str, Any]], ...] = (
            (self._path, request.path_params),
            (self._query, query),
            (self._headers, request.headers),
            (self._body, {} if document is ABSENT else {"body": document}),
        )
        for parameters, sent in sources:
            if parameters and not _take(values, parameters, sent):
                return None
        if self._request is not None:
            values[self._request] = request
        return values


def _take(values: Values, parameters: Sequence[Parameter], sent: Mapping[str, Any]) -> bool:
    """Add the values of ``parameters`` in ``sent``. Return False if one is missing or invalid."""
    for parameter in parameters:
        value = sent.get(parameter.alias, ABSENT)
        if value is ABSENT:
            if parameter.required:
                return False
            value = parameter.default
        elif parameter.validate is not None:
            value, errors = parameter.validate(value)
            if errors:
                return False
        values[parameter.name] = value
    return True


def _wants_more(dependant: Dependant) -> bool:
    """Tell whether an endpoint takes something of FastAPI other than the request."""
    return any(
        name is not None
        for name in (
            dependant.websocket_param_name,
            dependant.http_connection_param_name,
            dependant.response_param_name,
            dependant.background_tasks_param_name,
            dependant.security_scopes_param_name,
        )
    )


def _dependency(dependant: Dependant) -> Dependency:
    if dependant.name is None or dependant.call is None or not iscoroutinefunction(dependant.call):
        raise NotPlainError
    if dependant.body_params or dependant.concurrency is not None:
        raise NotPlainError
    return Dependency(dependant.name, dependant.call, Arguments(dependant))


def _parameter(field: Any) -> Parameter:
    info = field.field_info
    if (
        not isinstance(info, Param)
        or not _is_scalar(info.annotation)
        or info.validation_alias not in (None, field.alias)
    ):
        raise NotPlainError
    is_text = info.annotation is str and not info.metadata
    return _argument(field, field.alias, None if is_text else field.validate)


def _body(field: Any) -> Parameter:
    info = field.field_info
    if not isinstance(info, Body) or info.embed:
        raise NotPlainError
    return _argument(field, "body", field.validate)


def _argument(field: Any, alias: str, validate: Validate | None) -> Parameter:
    info = field.field_info
    required = info.is_required()
    default = None if required else info.default
    if not isinstance(default, _SCALARS) or info.default_factory is not None or info.validate_default:
        raise NotPlainError
    return Parameter(field.name, alias, validate, required, default)


def _is_scalar(annotation: Any) -> bool:
    """Tell whether a parameter has one value, and not a list or the fields of a model."""
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return _is_scalar(get_args(annotation)[0])
    if origin in _UNIONS:
        return all(_is_scalar(each) for each in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, _SCALARS)
