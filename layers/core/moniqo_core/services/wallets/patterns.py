"""Regular expressions that come from outside, matched in time linear in the text.

Python's ``re`` backtracks: ``(a+)+b`` hangs it on thirty letters. The engine here is Rust's ``regex``, which pydantic
carries for its own patterns; it has neither look-around nor back-references, and it refuses a pattern whose program
would be larger than 10 MB.
"""

from __future__ import annotations

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema


class UnusablePatternError(ValueError):
    """The pattern is no regular expression, uses what this engine leaves out, or is too large."""


class Pattern:
    """A pattern that a text matches as a whole."""

    def __init__(self, pattern: str) -> None:
        r"""Compile ``pattern``; raises UnusablePatternError."""
        try:
            # By itself first: ``a)|(?:b`` becomes a pattern only by the brackets that go around it.
            SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
            self._whole = SchemaValidator(
                core_schema.str_schema(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex")
            )
        except SchemaError:
            raise UnusablePatternError from None

    def matches(self, text: str) -> bool:
        """Tell whether the whole of ``text`` has this form."""
        try:
            self._whole.validate_python(text)
        except ValidationError:
            return False
        return True
