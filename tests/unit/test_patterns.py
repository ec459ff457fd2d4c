"""Validation patterns from definitions: whole matches, refused patterns, and linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.services.wallets.linear_time_patterns import Pattern, UnusablePatternError
from moniqo_core.storage.wallets.definition_seeds import SEEDS

EVIL = [
    r"(a+)+b",
    r"(a|aa)+$b",
    r"(a|a?)+b",
    r"(.*a){20}b",
    r"([a-zA-Z]+)*!",
    r"^(a?){60}a{60}b$",
    r"(?:(?:[aä]{0,9}){0,9}){0,99}!",
    r"(?:[\s\S]{0,60}){0,60}!",
    "(" * 90 + "a" + "+)" * 90 + "b",
]
UNUSABLE = [
    *("(", "[", "*", "a{2,1}", "\\", "(?P<n>a", "a)|(?:b", "(?x)a #comment"),
    *("(?=a)a", "(?<!a)b", r"(a)\1", "(?P<n>a)(?P=n)"),
    *(r"\w{1000}", "(a{1000}){1000}", "((a{100}){100}){100}"),
]


@pytest.mark.parametrize("pattern", EVIL)
@pytest.mark.parametrize("text", ["a" * 1024, "ä" * 1024, "aä" * 512, "a" * 1023 + "\U0001f600"])
def test_catastrophic_patterns_match_in_linear_time(pattern: str, text: str) -> None:
    began = time.process_time()
    assert not Pattern(pattern).matches(text)
    assert time.process_time() - began < 2, "it took far longer than a linear engine does"


@pytest.mark.parametrize("pattern", UNUSABLE)
def test_unusable_patterns_are_refused_quickly(pattern: str) -> None:
    began = time.process_time()
    with pytest.raises(UnusablePatternError):
        Pattern(pattern)
    assert time.process_time() - began < 2


@given(st.text(max_size=200))
def test_any_text_is_a_usable_pattern_or_refused(pattern: str) -> None:
    try:
        Pattern(pattern).matches(pattern)
    except UnusablePatternError:
        return


@given(
    st.from_regex(re.compile(r"[a-c]{0,3}(?:x|[0-9]{2})?", re.ASCII), fullmatch=True), st.text("abcx01\n", max_size=6)
)
def test_matching_agrees_with_python_fullmatch(fits: str, other: str) -> None:
    pattern = r"[a-c]{0,3}(?:x|[0-9]{2})?"
    assert Pattern(pattern).matches(fits)
    assert Pattern(pattern).matches(other) == bool(re.fullmatch(pattern, other))


def test_pattern_of_alternatives_matches_the_whole_text() -> None:
    assert Pattern("a|bc").matches("bc")
    assert not Pattern("a|bc").matches("ac")
    assert not Pattern("a$").matches("a\n")


def test_shipped_definitions_have_usable_patterns() -> None:
    patterns = {field.validation_regex for seed in SEEDS for field in seed.required_credentials} - {None}
    assert patterns
    for pattern in patterns:
        Pattern(str(pattern))
