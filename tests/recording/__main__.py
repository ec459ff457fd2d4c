"""``python -m tests.recording FOLDER [PART ...]``: record what this code writes, as a fixture of its release."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.recording.live import record_live
from tests.recording.paper import record_paper
from tests.recording.state_dir import record_state_dir

PARTS: dict[str, Callable[[Path], None]] = {"paper": record_paper, "live": record_live, "state_dir": record_state_dir}


def main() -> None:
    """Record the parts that are asked for, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.recording", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the recording goes, such as tests/fixtures/release_0_1_0")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="parts to record; all when left out")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        PARTS[name](options.folder / name)
        print(f"{name}: {sum(file.stat().st_size for file in (options.folder / name).iterdir()):,} bytes")


if __name__ == "__main__":
    main()
