"""The commands of the README's journey, run in a shell exactly as printed."""

from __future__ import annotations

from pathlib import Path

from tests.support.local_run import local_run
from tests.support.readme import check_journey, follow_journey


def test_readme_journey_works_as_typed(tmp_path: Path) -> None:
    with local_run(tmp_path / ".local") as run:
        printed = follow_journey(run.port, tmp_path)
    check_journey(printed)
