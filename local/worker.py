"""One execution environment: a process that runs the real handlers, one event at a time.

Commands come as frames on standard input. Answers go as frames to the original standard output. All that a handler
prints goes to the log, as on Lambda.
"""

from __future__ import annotations

import importlib
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from local import frames, names

Handler = Callable[[Any, "Context"], Any]


class Context:
    """The context object of a Lambda invocation."""

    def __init__(self, function: str, request_id: str, memory: int, timeout: float) -> None:
        name = names.physical_name(function)
        self.function_name = name
        self.function_version = "$LATEST"
        self.invoked_function_arn = names.arn("AWS::Serverless::Function", function)
        self.memory_limit_in_mb = memory
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{name}"
        self.log_stream_name = f"local/{os.getpid()}"
        self.identity = None
        self.client_context = None
        self._deadline = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in milliseconds."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def load_handler(code: Path, handler: str) -> Handler:
    """Import a function's module and return its handler, which finds the modules in the function's folder.

    On Lambda that folder is on the path of the only function there. Here many functions share a process, so the folder
    and its modules are visible only while the function runs.
    """
    module_name, _, attribute = handler.rpartition(".")
    own: dict[str, ModuleType] = {}
    importable = _names(code)
    with _folder(code, importable, own):
        if not (code / f"{module_name}.py").is_file():
            raise ImportError(f"no module {module_name} in {code}")
        importlib.invalidate_caches()
        found: Handler = getattr(importlib.import_module(module_name), attribute)

    def handle(event: Any, context: Context) -> Any:
        with _folder(code, importable, own):
            return found(event, context)

    return handle


@contextmanager
def _folder(code: Path, importable: Sequence[str], own: dict[str, ModuleType]) -> Iterator[None]:
    """Put a function's folder first on the path, and its modules ``own`` among those that are imported.

    Modules of other places with one of the ``importable`` names are hidden meanwhile.
    """
    place, shadowed = str(code), {name: sys.modules.pop(name) for name in importable if name in sys.modules}
    sys.path.insert(0, place)
    sys.modules.update(own)
    try:
        yield
    finally:
        sys.path.remove(place)
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{place}{os.sep}"):
                own[name] = sys.modules.pop(name)
        sys.modules.update(shadowed)


def _names(code: Path) -> list[str]:
    """Return the names under which the files of a folder can be imported."""
    return [entry.stem for entry in code.iterdir() if entry.suffix == ".py" or entry.is_dir()]


def answer(handlers: dict[str, Handler], command: Mapping[str, Any]) -> bytes:
    """Run one invocation and return its frame: a result, or the error as the Lambda runtime reports it."""
    function = command["function"]
    os.environ.update(command["environment"])
    os.environ["AWS_LAMBDA_FUNCTION_NAME"] = names.physical_name(function)
    os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(command["memory"])
    context = Context(function, command["request_id"], command["memory"], command["timeout"])
    try:
        if function not in handlers:
            handlers[function] = load_handler(Path(command["code"]), command["handler"])
        return frames.encode({"result": handlers[function](command["event"], context)})
    except Exception as error:  # noqa: BLE001  as the Lambda runtime does
        traceback.print_exc()
        return frames.encode({"error": {"errorType": type(error).__name__}})


def _commands() -> Callable[[], Any]:
    """Read commands in a thread, so that the process notices the end of its parent even while a handler is busy."""
    pending: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read() -> None:
        try:
            while True:
                pending.put(frames.read_blocking(0))
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=read, daemon=True, name="commands").start()
    return pending.get


def main() -> None:
    """Serve until the parent ends."""
    answers = os.dup(1)
    os.dup2(2, 1)
    next_command = _commands()
    import moniqo_core.http.app  # noqa: F401  slow to import, so imported before the first event

    frames.write_blocking(answers, frames.encode({"ready": True}))
    handlers: dict[str, Handler] = {}
    while True:
        frame = answer(handlers, next_command())
        sys.stdout.flush()
        frames.write_blocking(answers, frame)


if __name__ == "__main__":
    main()
