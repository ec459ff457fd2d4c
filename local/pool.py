"""A small pool of worker processes, each an execution environment that takes one event at a time."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from local import frames
from local.declarations import Function


class FunctionError(Exception):
    """The handler raised an error, timed out, or returned a value that is not JSON, or its process died."""


class Worker:
    """One worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process has no pipes")
        self._process = process
        self._commands, self._answers = process.stdin, process.stdout

    @classmethod
    async def start(cls, environment: Mapping[str, str], log: IO[bytes]) -> Worker:
        """Start a process and wait until it can take events. ``FunctionError`` if it dies first."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=dict(environment),
            start_new_session=True,
        )
        worker = cls(process)
        try:
            await worker._answer()
        except BaseException:
            await worker.stop()
            raise
        return worker

    async def invoke(self, command: Mapping[str, Any]) -> Any:
        """Run one event and return the handler's result. ``FunctionError`` if there is none."""
        try:
            self._commands.write(frames.encode(command))
            await self._commands.drain()
        except OSError as error:
            raise WorkerDiedError from error
        answer = await self._answer()
        if "error" in answer:
            raise FunctionError(answer["error"]["errorType"])
        return answer["result"]

    async def _answer(self) -> Any:
        try:
            return await frames.read(self._answers)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise WorkerDiedError from error

    async def stop(self) -> None:
        """End the process and wait for it."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class WorkerDiedError(FunctionError):
    """The worker's process ended during an event."""


class Pool:
    """Passes events to idle workers. It replaces a worker that dies or exceeds its time-out."""

    def __init__(
        self, functions: Mapping[str, Function], environment: Mapping[str, str], size: int, log: IO[bytes]
    ) -> None:
        self._functions = functions
        self._environment = dict(environment)
        self._size = size
        self._log = log
        self._workers: set[Worker] = set()
        self._idle: deque[Worker] = deque()
        self._freed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start all workers, and wait for the first one only."""
        await self._add()
        for _ in range(self._size - 1):
            self._replace()

    async def stop(self) -> None:
        """End every worker."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    async def invoke(self, name: str, event: object, request_id: str) -> Any:
        """Run a function and return its result. ``FunctionError`` if it failed."""
        function = self._functions[name]
        worker = await self._take()
        try:
            async with asyncio.timeout(function.timeout):
                result = await worker.invoke(
                    {
                        "function": name,
                        "code": str(function.code),
                        "handler": function.handler,
                        "environment": dict(function.environment),
                        "memory": function.memory,
                        "timeout": function.timeout,
                        "request_id": request_id,
                        "event": event,
                    }
                )
        except (WorkerDiedError, TimeoutError) as error:
            await self._drop(worker)
            reason = "timed out" if isinstance(error, TimeoutError) else "worker died"
            raise FunctionError(f"{name}: {reason}") from None
        except FunctionError:
            await self._give_back(worker)
            raise
        except BaseException:
            await self._drop(worker)
            raise
        await self._give_back(worker)
        return result

    async def _take(self) -> Worker:
        async with self._freed:
            await self._freed.wait_for(lambda: self._idle)
            return self._idle.pop()

    async def _give_back(self, worker: Worker) -> None:
        async with self._freed:
            self._idle.append(worker)
            self._freed.notify()

    async def _drop(self, worker: Worker) -> None:
        self._workers.discard(worker)
        self._replace()
        await worker.stop()

    def _replace(self) -> None:
        if not self._closed:
            task = asyncio.create_task(self._add_until_it_lives())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _add_until_it_lives(self) -> None:
        pause = 0.5
        while True:
            try:
                return await self._add()
            except FunctionError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10)

    async def _add(self) -> None:
        worker = await Worker.start(self._environment, self._log)
        self._workers.add(worker)
        await self._give_back(worker)
