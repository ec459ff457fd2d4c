"""Which tests run which lines: recorded once, and again for the test files that changed since."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from coverage import CoverageData

from tests.mutants.mutations import Mutation
from tests.mutants.trees import ROOT, copy_tree, environment, targets

RECORD: Final = ROOT / ".build" / "mutants" / "covering.json"
LEFT_OUT: Final = {
    *("test_canaries", "test_embedded_server", "test_local_platform", "test_local_run", "test_money_races"),
    *("test_outages", "test_release_0_1_0_state_dir", "test_slow_opening", "test_sync_soak"),
    *("test_docs", "test_fuzz", "test_house", "test_layer", "test_licences", "test_mutants", "test_prose"),
    *("test_rooms", "test_runtime_client", "test_template", "test_tool_settings"),
}
"""Tests that start processes or wait, and tests of pages, tools and the template."""
_BATCH: Final = 12
"""Test files that are recorded together. What a batch recorded is kept when the next one is interrupted."""

Lines = dict[str, dict[int, list[str]]]


class Covering:
    """The tests of each line, and the seconds that each test takes.

    ``lines`` has the tests by path and line. ``seconds`` has the tests that pass without a mutation. ``root`` is the
    tree that the paths are in.
    """

    def __init__(self, lines: Lines, seconds: dict[str, float], root: Path = ROOT) -> None:
        self.seconds = seconds
        self._lines = lines
        self._root = root

    def tests(self, mutation: Mutation) -> list[str]:
        """Return the tests that run a mutation.

        A constant or class outside functions runs when its module is imported. Its tests are those that run a line
        which names it, and those of a test file that names it or its module. Where nobody names it, they are all tests
        that run its module.
        """
        if mutation.reach:
            first, last = mutation.reach
            return self._of_lines(mutation.path, range(first, last + 1))
        near = self.near(mutation)
        named = {test for test in self.seconds if test.partition("::")[0] in near}
        if mutation.name:
            named.update(self._that_run(mutation.name))
        return sorted(named) or self._of_lines(mutation.path, self._lines.get(mutation.path, {}))

    def near(self, mutation: Mutation) -> set[str]:
        """Return the test files that name the module of a mutation, or its constant or class."""
        module = mutation.path.removeprefix("layers/core/").removesuffix(".py").replace("/", ".")
        names = [module] if not mutation.name else [module, mutation.name]
        word = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
        files = {test.partition("::")[0] for test in self.seconds}
        return {file for file in files if word.search((self._root / file).read_text(encoding="utf-8"))}

    def _of_lines(self, path: str, lines: Iterable[int]) -> list[str]:
        recorded = self._lines.get(path, {})
        return sorted({test for line in lines for test in recorded.get(line, ()) if test in self.seconds})

    def _that_run(self, name: str) -> set[str]:
        """Return the tests that run a line with a name."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        found: set[str] = set()
        for path in self._lines:
            text = (self._root / path).read_text(encoding="utf-8").splitlines()
            found.update(self._of_lines(path, (at for at, line in enumerate(text, 1) if word.search(line))))
        return found


def covering() -> Covering:
    """Return what tests run, from the record where it is still true. Recording takes minutes.

    Raises:
        RuntimeError: pytest recorded nothing.

    """
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    sources, files = _digest(targets()), {file: _digest([file]) for file in test_files()}
    kept: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    if kept.get("sources") != sources:
        kept = {"sources": sources, "files": {}, "lines": {}, "seconds": {}}
    changed = [file for file, digest in files.items() if kept["files"].get(file) != digest]
    gone = {file for file in kept["files"] if file in changed or file not in files}
    _forget(kept, gone)
    for start in range(0, len(changed), _BATCH):
        batch = changed[start : start + _BATCH]
        print(
            f"Recording which lines tests run: files {start + 1} to {start + len(batch)} of {len(changed)}", flush=True
        )
        _add(kept, *_record(batch))
        kept["files"] = {file: kept["files"].get(file) for file in files} | {file: files[file] for file in batch}
        RECORD.write_text(json.dumps(kept), encoding="utf-8")
    lines = {path: {int(line): tests for line, tests in found.items()} for path, found in kept["lines"].items()}
    return Covering(lines, kept["seconds"])


def test_files() -> list[str]:
    """Return the unit and contract tests, and the quick ones of the integration and of faults."""
    kinds = [ROOT / "tests" / kind for kind in ("unit", "contract", "integration", "faults")]
    found = [path for kind in kinds for path in sorted(kind.glob("test_*.py")) if path.stem not in LEFT_OUT]
    return [path.relative_to(ROOT).as_posix() for path in found]


def _digest(files: Iterable[str]) -> str:
    found = hashlib.sha256()
    for file in files:
        found.update(file.encode() + b"\0" + (ROOT / file).read_bytes() + b"\0")
    return found.hexdigest()


def _forget(kept: dict[str, Any], gone: set[str]) -> None:
    kept["seconds"] = {test: took for test, took in kept["seconds"].items() if test.partition("::")[0] not in gone}
    for found in kept["lines"].values():
        for line in found:
            found[line] = [test for test in found[line] if test.partition("::")[0] not in gone]


def _add(kept: dict[str, Any], lines: Lines, seconds: dict[str, float]) -> None:
    for path, found in lines.items():
        for line, tests in found.items():
            kept["lines"].setdefault(path, {}).setdefault(str(line), []).extend(tests)
    kept["seconds"] |= seconds


def _record(files: list[str]) -> tuple[Lines, dict[str, float]]:
    """Run test files in a copy of the tree, two at once."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree, records = copy_tree(Path(folder, "tree")), Path(folder, "records")
        records.mkdir()
        sources = os.pathsep.join(str(tree / path) for path in targets())
        with (RECORD.parent / "recording.log").open("w", encoding="utf-8") as log:
            subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.recording",
                 "-n", "2", "--dist", "loadfile", *files],
                cwd=tree,
                env=environment(tree, 0) | {"MUTANTS_RECORD": str(records), "MUTANTS_SOURCES": sources},
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )  # fmt: skip
        results = records / "results.json"
        if not results.exists():
            msg = f"pytest recorded nothing: see {RECORD.parent / 'recording.log'}"
            raise RuntimeError(msg)
        found = json.loads(results.read_text(encoding="utf-8"))
        if found["unfit"]:
            print(f"Left out, because they fail or are skipped without any mutation: {len(found['unfit'])} tests")
        return _lines(records, tree), found["fit"]


def _lines(records: Path, tree: Path) -> Lines:
    lines: defaultdict[str, defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in records.glob("lines.*"):
        data = CoverageData(basename=str(file))
        data.read()
        for measured in data.measured_files():
            path = Path(measured).relative_to(tree).as_posix()
            for line, tests in data.contexts_by_lineno(measured).items():
                lines[path][line].extend(filter(None, tests))
    return {path: dict(found) for path, found in lines.items()}
