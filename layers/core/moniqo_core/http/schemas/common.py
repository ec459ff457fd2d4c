"""Building blocks of request and response bodies."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from moniqo_core.domain import money

_PATTERN: Final = r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?$"
_NOT_NEGATIVE: Final = _PATTERN.replace("-?", "")
_POSITIVE: Final = _NOT_NEGATIVE.replace("^", r"^(?!0(?:\.0*)?$)")
_LARGEST: Final = Decimal(10) ** money.MAX_INTEGER_DIGITS
_set: Final = object.__setattr__
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class ClosedModel(BaseModel):
    """A request body. Unknown fields are refused, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    null_is_absent: ClassVar[bool] = True
    """Whether ``null`` stands for no body, where the body is optional. Otherwise it is refused."""

    @model_validator(mode="before")
    @classmethod
    def _from_object(cls, value: Any) -> Any:
        # FastAPI validates by attributes, so a Decimal (any number with a point) would pass as an empty object.
        if isinstance(value, Decimal):
            raise PydanticCustomError("model_type", "Input should be an object")
        return value


class View(BaseModel):
    """A response body.

    Declare lists as ``list``, because pydantic serialises any other ``Sequence`` slowly.
    """

    model_config = ConfigDict(from_attributes=True, frozen=True)

    every_field: ClassVar[set[str]]
    """The names of the fields. All views of a class share this set, which nothing changes because they are frozen."""
    fields_in_order: ClassVar[tuple[str, ...]]
    """The names of the fields, in the order in which an answer has them."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.fields_in_order = tuple(cls.model_fields)
        cls.every_field = set(cls.fields_in_order)

    @classmethod
    def made(cls, **values: object) -> Self:
        """Return a view with all its fields, which must be valid. It takes a fifth of ``model_construct``'s time."""
        return cls._with(values)

    @classmethod
    def made_from(cls, source: object, **parts: object) -> Self:
        """Return the view of an object whose attributes have the names and the types of the fields.

        ``parts`` are views of attributes that are objects themselves, and other values that ``source`` does not have.
        """
        return cls._with(
            {name: parts[name] if name in parts else getattr(source, name) for name in cls.fields_in_order}
        )

    @classmethod
    def _with(cls, values: dict[str, object]) -> Self:
        view = cls.__new__(cls)
        _set(view, "__dict__", values)
        _set(view, "__pydantic_fields_set__", cls.every_field)
        return view


def _amount_reader(accept: Callable[[Decimal], bool], refusal: str) -> Callable[[object], Decimal]:
    def read(value: object) -> Decimal:
        amount = _read_amount(value)
        if not accept(amount):
            raise PydanticCustomError("amount_range", refusal)
        return amount

    return read


def _read_amount(value: object) -> Decimal:
    """Return the exact amount of a JSON string or number. A float is refused, because floats lose digits."""
    if isinstance(value, str):
        try:
            return money.parse(value)
        except ValueError:
            raise PydanticCustomError("amount_format", "Input should be a plain decimal, for example 0.01") from None
    if isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    elif isinstance(value, Decimal) and value.is_finite():
        number = value
    else:
        raise PydanticCustomError("amount_type", "Input should be a decimal as a string or a number")
    exponent = number.normalize(money.EXACT).as_tuple().exponent
    if abs(number) >= _LARGEST or (isinstance(exponent, int) and exponent < -money.MAX_DECIMAL_PLACES):
        raise PydanticCustomError("amount_digits", "Input should have at most 18 digits before and 18 after the point")
    return number


def _schema(pattern: str, **bound: int) -> WithJsonSchema:
    text = {"type": "string", "format": "decimal", "pattern": pattern, "maxLength": 38}
    return WithJsonSchema({"anyOf": [text, {"type": "number", **bound}]})


PositiveAmount = Annotated[
    Decimal,
    PlainValidator(_amount_reader(lambda amount: amount > 0, "Input should be greater than 0")),
    _schema(_POSITIVE, exclusiveMinimum=0),
]
NonNegativeAmount = Annotated[
    Decimal,
    PlainValidator(_amount_reader(lambda amount: not amount.is_signed(), "Input should be greater than or equal to 0")),
    _schema(_NOT_NEGATIVE, minimum=0),
]

Amount = Annotated[
    Decimal,
    PlainSerializer(money.plain, return_type=str),
    WithJsonSchema({"type": "string", "format": "decimal"}),
]

Timestamp = Annotated[
    datetime,
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _with_floats(value: object) -> object:
    """Return a client's own data with each ``Decimal`` as a float. Such data is not money."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _with_floats(item) for name, item in value.items()}
    return [_with_floats(item) for item in value] if isinstance(value, list) else value


JsonObject = Annotated[dict[str, JsonValue], BeforeValidator(_with_floats)]


def visible_text(text: str) -> str:
    """Return ``text`` normalised (NFC) and trimmed.

    Raises:
        PydanticCustomError: it contains invisible characters: control, bidirectional or zero-width ones.

    """
    text = unicodedata.normalize("NFC", text).strip()
    if not text.isascii() or not text.isprintable():
        for character in text:
            if unicodedata.category(character) in _HIDDEN:
                raise PydanticCustomError(
                    "hidden_character", "Input should not contain control or invisible characters"
                )
    return text


def _non_empty(text: str) -> str:
    if not text:
        raise PydanticCustomError("blank", "Input should not be blank")
    return text


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(visible_text), AfterValidator(_non_empty)]
Text = Annotated[str, Field(max_length=1000), AfterValidator(visible_text)]
