"""One execution environment: a process that runs the real handlers, one event at a time.

Commands come as frames on standard input. Answers go as frames to the original standard output. All that a handler
prints goes to the log, as on Lambda.
"""

from __future__ import annotations

import importlib.util
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
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
    """Import a function's module under its own name and return its handler."""
    module_name, _, attribute = handler.rpartition(".")
    name = f"functions.{code.name}.{module_name}"
    spec = importlib.util.spec_from_file_location(name, code / f"{module_name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"no module {module_name} in {code}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    found: Handler = getattr(module, attribute)
    return found


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
