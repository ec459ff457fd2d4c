"""``python -m benchmarks.instructions [FOLDER]``: count the instructions of an order, here and in another checkout.

Valgrind counts instructions, so other work of the machine does not change the result. The checkouts run in turn, each
in its own environment. The exit code is 1 if the median here is more than 3% above that of the other checkout.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PROBE: Final = Path(__file__).with_name("instructions_probe.py")
ROUNDS: Final = 3
ALLOWED: Final = 1.03
Counts = Mapping[str, list[float]]


def main(arguments: Sequence[str]) -> int:
    """Count, print and judge."""
    if shutil.which("valgrind") is None:
        print("Counting instructions needs valgrind (apt-get install valgrind).", file=sys.stderr)
        return 2
    checkouts = [ROOT, *(Path(folder).resolve() for folder in arguments)]
    counts: list[dict[str, list[float]]] = [{} for _ in checkouts]
    for _ in range(ROUNDS):
        for checkout, counted in zip(checkouts, counts, strict=True):
            for name, count in _probe(checkout).items():
                counted.setdefault(name, []).append(count)
    for checkout, counted in zip(checkouts, counts, strict=True):
        print(f"{checkout}\n" + "\n".join(f"  {name:<11}{_spoken(found)}" for name, found in counted.items()))
    return max((judge(counts[0], base) for base in counts[1:]), default=0)


def judge(here: Counts, base: Counts) -> int:
    """Print the change of each count against ``base``. Return 1 if one grew by more than allowed."""
    ratios = {name: statistics.median(found) / statistics.median(base[name]) for name, found in here.items()}
    for name, ratio in ratios.items():
        print(f"{name}: {ratio - 1:+.2%}, at most {ALLOWED - 1:+.0%}: {'yes' if ratio <= ALLOWED else 'NO'}")
    return int(any(ratio > ALLOWED for ratio in ratios.values()))


def _probe(checkout: Path) -> dict[str, float]:
    command = [str(checkout / ".venv" / "bin" / "python"), "-P", str(PROBE)]
    answer = subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True).stdout
    counts: dict[str, float] = json.loads(answer)
    return counts


def _spoken(counts: Sequence[float]) -> str:
    spread = (max(counts) - min(counts)) / statistics.median(counts)
    return f"{statistics.median(counts) / 1e6:10,.2f} million instructions, spread {spread:.2%} of {len(counts)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
