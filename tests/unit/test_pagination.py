"""Cursors and pages."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.domain.errors import ValidationError
from moniqo_core.http.pagination import decode_cursor, encode_cursor, page_view


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126))))
def test_cursor_survives_a_round_trip(values: list[str]) -> None:
    cursor = encode_cursor(values)

    assert decode_cursor(cursor) == values
    assert cursor.isascii()
    assert not set(cursor) & set("=+/&?#")


def test_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(ValidationError):
        decode_cursor(encode_cursor(["a", "b"]), length=3)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "a",
        "\u00e9",
        "WyJ",
        encoded("{}"),
        encoded('"a"'),
        encoded("[1]"),
        encoded("[null]"),
        encoded('["\\u0000"]'),
        encoded('["\\ud800"]'),
        encoded("[" * 5000),
        encoded('["a"]') + "\n",
    ],
)
def test_broken_cursors_are_422(cursor: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        decode_cursor(cursor)

    assert refusal.value.members["errors"][0]["field"] == "cursor"  # type: ignore[index]


@given(st.text(max_size=40))
def test_decode_cursor_raises_only_validation_errors(cursor: str) -> None:
    with suppress(ValidationError):
        assert all(isinstance(value, str) for value in decode_cursor(cursor))


def test_last_page_has_no_cursor() -> None:
    assert page_view(["a"], None).model_dump() == {"items": ["a"], "next_cursor": None}
    assert page_view(["a"], ["a", "1"]).next_cursor == encode_cursor(["a", "1"])
