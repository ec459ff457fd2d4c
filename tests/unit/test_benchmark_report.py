"""A run of the benchmarks fails when a count is over its limit. A ratio over its limit is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import isolation
from benchmarks.report import Line, Section, outcome

COUNT_HELD = Line("reads", 1, 1, "")
COUNT_MISSED = Line("place a market order", 4, 3, "", "aggregate, update, find, bulkWrite")
SIZE_MISSED = Line("layer unzipped", 40.2, 40, "MB")
RATIO_MISSED = Line("warm place_order", 13.5, 11)
NOT_LIMITED = Line("driver", 12.4, None, "%")


def run(lines: list[Line], report: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(isolation, "measure", lambda name: Section(name, "Measured somehow.", lines))
    return benchmarks.main(["round_trips"], report)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "new" / "benchmarks.md"


@pytest.mark.parametrize("missed", [COUNT_MISSED, SIZE_MISSED], ids=lambda line: str(line.name))
def test_count_over_its_limit_fails_the_run(
    missed: Line, report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([COUNT_HELD, missed, RATIO_MISSED], report, monkeypatch) == 1
    assert f"Counts over their limit: {missed.name}." in capsys.readouterr().out
    assert report.read_text().count("| NO |") == 2


def test_ratio_over_its_limit_is_reported_without_failing_the_run(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([COUNT_HELD, RATIO_MISSED, NOT_LIMITED], report, monkeypatch) == 0
    assert "| warm place_order | 13.5x | 11.0x | NO |" in report.read_text()
    printed = capsys.readouterr().out
    assert "13.5x     <= 11.0x  NO" in printed
    assert "Ratios over their limit (they do not fail the run): warm place_order." in printed


def test_run_within_its_limits_is_reported() -> None:
    assert outcome([Section("Round trips", "", [COUNT_HELD, NOT_LIMITED])]) == (False, "Every limit holds.")


def test_every_section_of_a_run_is_judged() -> None:
    sections = [Section("First", "", [COUNT_MISSED]), Section("Second", "", [SIZE_MISSED])]
    assert outcome(sections) == (True, "Counts over their limit: place a market order, layer unzipped.")


def test_unknown_benchmark_name_runs_nothing(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["warm_call"], report) == 2
    assert "no such benchmark: warm_call" in capsys.readouterr().err
    assert not report.exists()


def test_report_is_not_committed() -> None:
    assert benchmarks.REPORT.parent.name == ".build"
