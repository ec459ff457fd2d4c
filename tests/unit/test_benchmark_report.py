"""A run of the benchmarks fails when a count or a bar is over its limit. Another ratio over its limit is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import isolation
from benchmarks.report import Line, Section, outcome

COUNT_HELD = Line("reads", 1, 1, "")
COUNT_MISSED = Line("place a market order", 4, 3, "", "aggregate, update, find, bulkWrite")
SIZE_MISSED = Line("layer unzipped", 40.2, 40, "MB")
RATIO_MISSED = Line("driver beside ours", 13.5, 11)
BAR_HELD = Line("warm place_order", 10.4, 10.5, is_bar=True)
BAR_MISSED = Line("warm place_order", 13.5, 10.5, detail="1.9 ms", is_bar=True)
TIME_MISSED = Line("CPU of a fork", 1200, 1000, "ms", is_bar=True)
NOT_LIMITED = Line("driver", 12.4, None, "%")


def run(lines: Sequence[Line], report: Path, monkeypatch: pytest.MonkeyPatch, *, again: Sequence[Line] = ()) -> int:
    """Run a benchmark that measures ``lines``. A second measurement finds ``again``, and nothing measures it twice."""
    measured = [list(lines), list(again)] if again else [list(lines)]
    monkeypatch.setattr(isolation, "measure", lambda name: Section(name, "Measured somehow.", measured.pop(0)))
    status = benchmarks.main(["round_trips"], report)
    assert not measured
    return status


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
    assert "| driver beside ours | 13.5x | 11.0x | ratio | NO |" in report.read_text()
    printed = capsys.readouterr().out
    assert "13.5x     <= 11.0x  ratio  NO" in printed
    assert "Ratios over their limit (they do not fail the run): driver beside ours." in printed


@pytest.mark.parametrize(
    ("missed", "named"),
    [
        (BAR_MISSED, "Bars missed: warm place_order (13.5x, at most 10.5x)."),
        (TIME_MISSED, "Bars missed: CPU of a fork (1,200 ms, at most 1,000 ms)."),
    ],
    ids=lambda value: value.name if isinstance(value, Line) else "",
)
def test_bar_missed_twice_fails_the_run_and_is_named(
    missed: Line, named: str, report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([RATIO_MISSED, missed], report, monkeypatch, again=[RATIO_MISSED, missed]) == 1
    assert f"| {missed.name} | {missed.value} | {missed.most} | bar | NO |" in report.read_text()
    printed = capsys.readouterr().out
    assert "round_trips misses a bar, and is measured once more" in printed
    assert named in printed
    assert "Ratios over their limit (they do not fail the run): driver beside ours." in printed


def test_bar_that_a_second_measurement_holds_is_held_and_says_so(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run([BAR_MISSED, COUNT_HELD], report, monkeypatch, again=[BAR_HELD, COUNT_HELD]) == 0
    assert "| 10.4x | 10.5x | bar | yes | better of two, the other one 13.5x |" in report.read_text()


def test_second_measurement_changes_nothing_but_missed_bars(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_bar = Line("busy account", 12.1, 15, is_bar=True)
    worse = [replace(line, measured=line.measured * 2) for line in (BAR_MISSED, other_bar, COUNT_HELD, RATIO_MISSED)]

    assert run([BAR_MISSED, other_bar, COUNT_HELD, RATIO_MISSED], report, monkeypatch, again=worse) == 1
    written = report.read_text()
    assert "| 13.5x | 10.5x | bar | NO | 1.9 ms; better of two, the other one 27.0x |" in written
    assert "| busy account | 12.1x | 15.0x | bar | yes |  |" in written
    assert "| reads | 1 | 1 | count | yes |  |" in written


def test_count_is_not_measured_again(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    better = replace(COUNT_MISSED, measured=1)
    assert run([COUNT_MISSED, BAR_MISSED], report, monkeypatch, again=[better, BAR_HELD]) == 1
    assert "| place a market order | 4 | 3 | count | NO |" in report.read_text()


def test_run_within_its_limits_is_reported() -> None:
    assert outcome([Section("Round trips", "", [COUNT_HELD, BAR_HELD, NOT_LIMITED])]) == (False, "Every limit holds.")


def test_every_section_of_a_run_is_judged() -> None:
    sections = [Section("First", "", [COUNT_MISSED]), Section("Second", "", [SIZE_MISSED])]
    assert outcome(sections) == (True, "Counts over their limit: place a market order, layer unzipped.")


def test_unknown_benchmark_name_runs_nothing(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["warm_call"], report) == 2
    assert "no such benchmark: warm_call" in capsys.readouterr().err
    assert not report.exists()


def test_report_is_not_committed() -> None:
    assert benchmarks.REPORT.parent.name == ".build"
