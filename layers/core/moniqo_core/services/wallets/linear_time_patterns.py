"""Match regular expressions from outside in time linear in the text.

Python's ``re`` backtracks: ``(a+)+b`` can hang it on thirty letters. This module uses Rust's ``regex`` engine, which
pydantic includes for its own patterns. The engine has no look-around and no back-references, and it refuses a pattern
that compiles to more than 10 MB.
"""

from __future__ import annotations

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema


class UnusablePatternError(ValueError):
    """The pattern is not a regular expression, uses a feature that this engine lacks, or is too large."""


class Pattern:
    """A pattern that must match a whole text."""

    def __init__(self, pattern: str) -> None:
        r"""Compile ``pattern``, or raise UnusablePatternError."""
        try:
            # The pattern is compiled alone first: ``a)|(?:b`` is valid only inside the group that is added next.
            SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
            self._whole = SchemaValidator(
                core_schema.str_schema(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex")
            )
        except SchemaError:
            raise UnusablePatternError from None

    def matches(self, text: str) -> bool:
        """Return whether the whole ``text`` matches."""
        try:
            self._whole.validate_python(text)
        except ValidationError:
            return False
        return True
