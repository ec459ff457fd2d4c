"""More instructions than allowed fail a comparison. Fewer never do."""

from __future__ import annotations

import pytest

from benchmarks import instructions

BASE = {"cold start": [1900.0, 1950.0, 1930.0], "warm call": [6.4, 6.5, 6.4]}


def test_counts_up_to_the_limit_pass(capsys: pytest.CaptureFixture[str]) -> None:
    here = {"cold start": [1930.0 * 1.029], "warm call": [3.2]}
    assert instructions.judge(here, BASE) == 0
    assert capsys.readouterr().out.splitlines() == [
        "cold start: +2.90%, at most +3%: yes",
        "warm call: -50.00%, at most +3%: yes",
    ]


@pytest.mark.parametrize("name", list(BASE))
def test_one_count_above_the_limit_fails(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    here = BASE | {name: [1.031 * sorted(BASE[name])[1]]}
    assert instructions.judge(here, BASE) == 1
    assert f"{name}: +3.10%, at most +3%: NO" in capsys.readouterr().out


def test_median_of_three_rounds_is_compared() -> None:
    assert instructions.judge(BASE | {"warm call": [6.4, 9.9, 6.4]}, BASE) == 0


def test_missing_valgrind_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert instructions.main([]) == 2
    assert "apt-get install valgrind" in capsys.readouterr().err
