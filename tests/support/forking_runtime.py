"""The program of :mod:`tests.support.prepared_runtime`: it imports packages once and forks for every function.

Its arguments are the modules to import. It then reads one request a line from its standard input and prints one answer
a line. It runs without site-packages, so it imports nothing of the tests.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Final, NoReturn

PACKAGES: Final = os.environ["PYTHONPATH"].split(os.pathsep)
STANDARD: Final = [place for place in sys.path if place not in PACKAGES]


def become(task: str, environment: dict[str, str], output: str) -> NoReturn:
    """Run the function in the folder ``task``, as ``python -m awslambdaric app.handler`` does from the beginning."""
    try:
        log, nothing = os.open(output, os.O_WRONLY | os.O_APPEND), os.open(os.devnull, os.O_RDONLY)
        for source, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, number)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(task)
        sys.path[:] = [task, *environment["PYTHONPATH"].split(os.pathsep), *STANDARD]
        sys.argv = ["awslambdaric", "app.handler"]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        os._exit(1)


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def serve() -> None:
    for name in sys.argv[1:]:
        __import__(name)  # importlib would not report it to those who want to know what was imported
    ours = sorted(name for name in sys.modules if name.partition(".")[0] == "moniqo_core")
    assert not ours, ours
    assert threading.active_count() == 1, "a fork would lose the other threads"
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        if "end" in asked:
            end(asked["end"])
        else:
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                become(**asked)
            asked = {"started": child}
        print(json.dumps(asked), flush=True)


if __name__ == "__main__":
    assert Path(__file__).parent != Path(sys.path[0]), "start it with -P, so that it cannot import the tests"
    serve()
