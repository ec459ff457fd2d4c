"""A program that ends with these tests, however they end.

Run as a module, this file starts the command of its arguments. It asks the command to stop when its own standard input
closes, and waits for it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
STOP_SECONDS: Final = 60


@contextmanager
def tied_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` with its output in the file ``log``, and wait for its end afterwards."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.tied_process", *command],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(STOP_SECONDS + 10)


def main() -> int:
    """Return the exit code of the command."""
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as command:

        def stop() -> None:
            while os.read(0, 4096):
                continue
            command.send_signal(signal.SIGTERM)
            try:
                command.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                command.kill()

        threading.Thread(target=stop, daemon=True).start()
        return command.wait()


if __name__ == "__main__":
    sys.exit(main())
