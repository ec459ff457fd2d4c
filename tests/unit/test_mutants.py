"""The runner of `make mutants`: which faults it makes, how it chooses them and how it counts them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import sample
from tests.mutants.covering import Covering
from tests.mutants.judged import Judged, judged
from tests.mutants.mutations import Mutation, mutations
from tests.mutants.report import Report, Result
from tests.mutants.trees import ROOT, mutated, targets
from tests.mutants.trial import Outcome, Trials, Verdict, chosen_tests

MODULE = '''"""A module."""

LIMIT: Final = 10


def fee(amount: Decimal, rate: Decimal | None = None) -> Decimal:
    """The fee."""
    if not amount or amount < 0:
        raise ValueError(f"{amount + 1}")
    return min(amount * rate, LIMIT)
'''


def made(source: str) -> dict[str, set[str]]:
    """The texts after the mutations of a source, by kind."""
    found: dict[str, set[str]] = {}
    for mutation in mutations("m.py", source):
        found.setdefault(mutation.kind, set()).add(mutation.after)
    return found


def test_every_kind_of_fault_is_made() -> None:
    assert made(MODULE) == {
        "constant": {
            "LIMIT: Final = 11",
            "LIMIT: Final = (9)",
            "if not amount or amount < 1:",
            "if not amount or amount < (-1):",
        },
        "boolean": {"if (not amount and amount < 0):"},
        "dropped not": {"if (amount) or amount < 0:"},
        "comparison": {"if not amount or (amount <= 0):", "if not amount or (amount >= 0):"},
        "removed statement": {"pass"},
        "returned None": {"return None"},
        "max for min": {"return max(amount * rate, LIMIT)"},
        "arithmetic": {"return min((amount / rate), LIMIT)"},
    }


@pytest.mark.parametrize(
    ("source", "after"),
    [
        ("a -= b", "a += b"),
        ("a = -b", "a = (b)"),
        ("a = b ** 2", "a = (b * 2)"),
        ("a = b is None", "a = (b is not None)"),
        ("a = b not in c", "a = (b in c)"),
        ("a = 1 < b <= 2", "a = (1 < b < 2)"),
        ("a = any(b)", "a = all(b)"),
        ("a = Decimal('0.5')", 'a = Decimal("1.5")'),
        ("a.b = c", "pass"),
        ("ä = 'ö' + b * c", "ä = 'ö' + (b / c)"),
    ],
)
def test_fault_is_made(source: str, after: str) -> None:
    assert after in set().union(*made(source + "\n").values())


@pytest.mark.parametrize(
    "source",
    ["a: Literal[1, 2]", "@d(1)\ndef f(): ...", "a = f'{b + 1}'", "__all__ = [1]", "a = zip(b, c, strict=True)"],
)
def test_types_texts_and_decorators_are_left_alone(source: str) -> None:
    assert made(source + "\n") == {}


def test_every_mutation_changes_one_line_of_code_that_compiles() -> None:
    path = "layers/core/moniqo_core/domain/money.py"
    source = (ROOT / path).read_text(encoding="utf-8")
    found = mutations(path, source)
    assert len(found) > 20
    for mutation in found:
        assert ast.dump(ast.parse(mutation.mutant)) != ast.dump(ast.parse(source))
        assert mutation.before != mutation.after


def test_targets_are_the_code_about_money_and_secrets() -> None:
    found = {path.removeprefix("layers/core/moniqo_core/") for path in targets()}
    assert {"http/tokens/verifier.py", "domain/money.py", "credentials/key_ring.py"} <= found
    assert {"storage/orders/order_codec.py", "storage/paper/account_values.py"} <= found
    assert {"http/app.py", "storage/client.py"}.isdisjoint(found)


def test_seed_repeats_the_choice() -> None:
    every = mutations("m.py", MODULE)
    assert sample(every, 4, 7) == sample(every, 4, 7)
    assert len({tuple(found.key for found in sample(every, 4, seed)) for seed in range(20)}) > 1
    assert len(sample(every, 1000, 7)) == len(every)


def of_kind(kind: str) -> Mutation:
    return next(found for found in mutations("m.py", MODULE) if found.kind == kind)


def test_tests_of_a_fault_are_those_that_run_its_line() -> None:
    known = Covering({"m.py": {8: ["t.py::a"], 10: ["t.py::b", "t.py::failing"]}}, {"t.py::a": 1, "t.py::b": 1})
    assert known.tests(of_kind("boolean")) == ["t.py::a"]
    assert known.tests(of_kind("arithmetic")) == ["t.py::b"]


def test_tests_of_a_constant_are_those_that_run_a_line_with_its_name() -> None:
    path = "layers/core/moniqo_core/domain/sync/retry_delay.py"
    source = (ROOT / path).read_text(encoding="utf-8")
    name = next(found.name for found in mutations(path, source) if found.name)
    naming = [at for at, line in enumerate(source.splitlines(), 1) if name in line and "Final" not in line]
    test = "tests/unit/test_mutants.py::a"
    known = Covering({path: {line: [test] for line in naming}}, {test: 1})
    assert naming
    assert known.tests(next(found for found in mutations(path, source) if found.name)) == [test]


def test_fault_in_a_class_body_is_named_by_its_class() -> None:
    assert {found.name for found in mutations("m.py", "class Refusal:\n    status = 403\n")} == {"Refusal"}


def test_chosen_tests_come_from_every_file_and_fit_into_the_time() -> None:
    seconds = {f"a.py::{number}": 2.0 for number in range(40)} | {"b.py::slow": 15.0, "c.py::too_slow": 50.0}
    chosen = chosen_tests(seconds, seconds)
    assert sum(seconds[test] for test in chosen) <= 30
    assert chosen[-1] == "b.py::slow"
    assert chosen[0].startswith("a.py::")
    assert len(chosen) == 8


def test_quick_tests_are_chosen_before_slow_ones_of_other_files() -> None:
    seconds = {f"quick.py::{number}": 0.05 for number in range(200)} | {f"slow{n}.py::a": 9.0 for n in range(9)}
    chosen = chosen_tests(seconds, seconds)
    assert [sum(test.startswith(kind) for test in chosen) for kind in ("quick", "slow")] == [200, 2]


def test_tests_that_name_the_module_or_the_constant_come_first() -> None:
    path = "layers/core/moniqo_core/domain/sync/retry_delay.py"
    found = mutations(path, (ROOT / path).read_text(encoding="utf-8"))
    here, other = "tests/unit/test_small_rules.py", "tests/unit/test_sync_rules.py"
    known = Covering({}, {f"{here}::a": 0.1, f"{other}::b": 29.95})
    assert known.near(found[0]) == {other}
    assert chosen_tests(known.seconds, known.seconds, known.near(found[0])) == [f"{other}::b"]
    assert chosen_tests(known.seconds, known.seconds) == [f"{here}::a"]


ENTRY = """
[[without_effect]]
path = "m.py"
place = "fee"
before = "return min(amount * rate, LIMIT)"
after = "return max(amount * rate, LIMIT)"
reason = "{reason}"
"""


def test_judged_mutation_is_found_by_its_content() -> None:
    known = Judged(ENTRY.format(reason="Both are one."))
    moved = mutations("m.py", MODULE.replace("\n\n\ndef", "\n\n\n\n\ndef"))
    assert [known.reason(found) for found in moved if found.kind == "max for min"] == ["Both are one."]
    assert [found.kind for found in moved if known.reason(found)] == ["max for min"]
    assert known.unknown(moved) == []
    assert len(known.unknown(mutations("other.py", MODULE))) == 1


def test_judgement_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Judged(ENTRY.format(reason=" "))


def test_judgements_of_the_repository_match_mutations() -> None:
    every = [found for path in targets() for found in mutations(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert judged().unknown(every) == []


def report(noticed: int, survived: int, timed_out: int = 0, without_effect: int = 0, wrong: int = 0) -> Report:
    fault = of_kind("boolean")
    return Report(
        1,
        [
            *[Result(fault, Outcome(Verdict.NOTICED, "t", 1, 1), None)] * noticed,
            *[Result(fault, Outcome(Verdict.SURVIVED, "", 1, 1), None)] * survived,
            *[Result(fault, Outcome(Verdict.TIMED_OUT, "", 1, 1), None)] * timed_out,
            *[Result(fault, Outcome(Verdict.SURVIVED, "", 1, 1), "Reason.")] * without_effect,
            *[Result(fault, Outcome(Verdict.NOTICED, "t", 1, 1), "Reason.")] * wrong,
        ],
    )


@pytest.mark.parametrize(
    ("counts", "failed"),
    [
        ((92, 8), False),
        ((91, 9), True),
        ((91, 8, 1), True),
        ((81, 7, 0, 12), False),
        ((81, 6, 0, 13), True),
        ((99, 0, 0, 0, 1), True),
    ],
)
def test_run_fails_when_too_much_slips_or_is_judged(counts: tuple[int, ...], failed: bool) -> None:
    assert report(*counts).failed is failed


def test_survivor_is_listed_with_its_place_and_both_texts() -> None:
    text = report(1, 1).text()
    assert "`m.py:8` fee (boolean), 1 of 1 covering tests were run" in text
    assert "before: `if not amount or amount < 0:`" in text
    assert "after: `if (not amount and amount < 0):`" in text
    assert "1 were noticed, 1 survived" in text


COUNTER = """
def count(most):
    at = 0
    while at < most:
        at += 1
    return at
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of one module, two tests of it and the plugin that watches them."""
    (tmp_path / "tests" / "mutants").mkdir(parents=True)
    for name in ("tests/__init__.py", "tests/mutants/__init__.py", "tests/mutants/watch.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "m.py").write_text(
        "def count(most):\n    at = 0\n    while at < most:\n        at += 1\n    return at\n"
    )
    (tmp_path / "test_m.py").write_text("import m\n\n\ndef test_count():\n    assert m.count(3) == 3\n")
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n")
    return tmp_path


@pytest.mark.parametrize(
    ("tests", "after", "verdict"),
    [
        (["test_m.py::test_count"], "while (at <= most):", Verdict.NOTICED),
        (["test_other.py::test_nothing"], "while (at <= most):", Verdict.SURVIVED),
        ([], "while (at <= most):", Verdict.SURVIVED),
    ],
)
def test_trial_tells_whether_a_test_notices(tree: Path, tests: list[str], after: str, verdict: Verdict) -> None:
    source = (tree / "m.py").read_text()
    fault = next(found for found in mutations("m.py", source) if found.after == after)
    known = Covering({"m.py": {fault.line: tests}}, dict.fromkeys(tests, 0.1), tree)
    outcome = Trials(tree, known, 1).judge(fault)
    assert outcome == Outcome(verdict, tests[0] if verdict is Verdict.NOTICED else "", len(tests), len(tests))
    assert (tree / "m.py").read_text() == source


def test_test_that_fails_anyway_has_not_noticed(tree: Path) -> None:
    (tree / "test_m.py").write_text("def test_count():\n    assert False\n")
    fault = mutations("m.py", (tree / "m.py").read_text())[0]
    known = Covering({"m.py": {fault.line: ["test_m.py::test_count"]}}, {"test_m.py::test_count": 0.1}, tree)
    assert Trials(tree, known, 1).judge(fault).verdict is Verdict.SURVIVED


def test_test_that_does_not_end_has_noticed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutants.trial.ENDLESS", 1.0)
    source = (tree / "m.py").read_text()
    fault = next(found for found in mutations("m.py", source) if found.after == "pass")
    known = Covering({"m.py": {fault.line: ["test_m.py::test_count"]}}, {"test_m.py::test_count": 0.01}, tree)
    assert Trials(tree, known, 1).judge(fault).test == "test_m.py::test_count"


def test_mutant_is_imported_although_its_source_was_compiled(tree: Path) -> None:
    command = [sys.executable, "-c", "import m; print(m.count(3))"]
    assert subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout == "3\n"
    mutant = (tree / "m.py").read_text().replace("+= 1", "+= 2")
    with mutated(tree, "m.py", mutant):
        assert subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout == "4\n"
    assert subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout == "3\n"
