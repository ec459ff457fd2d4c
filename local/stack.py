"""Starts all parts of a local run in order, waits, and stops them in reverse order."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import IO, Any
from urllib.request import urlopen

import uvicorn

from local import banner, environment, names, queues, schedules, signing_key, users
from local.authorizer import Authorizers
from local.aws import read_secrets
from local.children import PORT_FILE, Child, free_port, last_port, listen
from local.errors import LocalError
from local.gateway import Gateway, print_line
from local.pool import FunctionError, Pool
from local.seed import seed
from local.settings import LocalSettings
from local.state import StateDirectory
from local.template import Template

_STATE_FILE = "stack.json"
_ENVIRONMENT_FILE = "environment"


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to this program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Stack:
    """One local run."""

    def __init__(self, settings: LocalSettings) -> None:
        """Run with these settings."""
        self._settings = settings
        self._state = StateDirectory(settings.state_dir)
        self._children: list[Child] = []

    async def run(self) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP. ``LocalError`` if it cannot start, or if one of its servers dies."""
        stop = asyncio.Event()
        starting = asyncio.current_task()

        def on_signal() -> None:
            if starting and not stop.is_set():
                starting.cancel()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        try:
            async with AsyncExitStack() as stack:
                await self._start(stack)
                starting = None
                await self._wait(stop)
        except asyncio.CancelledError:
            if not stop.is_set():
                raise

    async def _start(self, stack: AsyncExitStack) -> None:
        began = time.monotonic()
        Template(self._settings.template, parameters=self._settings.parameters)
        listener = stack.enter_context(listen(self._settings.port))
        self._state.prepare()
        lock = stack.enter_context(self._state.lock())
        for name in (_STATE_FILE, _ENVIRONMENT_FILE):
            self._state.remove(name)
        people = users.ensure(self._state)
        signing_key.ensure(self._state)
        read_secrets(self._state)
        api_url = f"http://localhost:{self._settings.port}"
        stack.push_async_callback(self._stop_children)
        aws_url = await self._start_aws(stack)
        mongodb_url = self._settings.mongodb_url or await self._start_database(stack, lock)

        template = Template(self._settings.template, aws_url, api_url, self._settings.parameters)
        functions = environment.localise(template.functions, mongodb_url, aws_url)
        variables = environment.union(functions)
        pool = Pool(
            functions,
            {**environment.base(aws_url), **variables},
            self._settings.workers,
            self._open_log(stack, "functions"),
        )
        stack.push_async_callback(pool.stop)
        database = variables.get("MONGODB_DATABASE", "moniqo")
        starts = time.monotonic()
        print_line(f"Starting the database, the AWS services and the functions in {self._settings.state_dir} ...")
        await self._together(
            {
                "the functions": pool.start(),
                "the database": seed(mongodb_url, database, self._starting(began), print_line),
                "the AWS services": self._aws_answers(aws_url),
            },
            lambda name, ready: print_line(f"  {name}: ready after {time.monotonic() - starts:.1f} s ({ready}/3)"),
        )

        gateway = Gateway(template, Authorizers(template.authorizers, aws_url), pool, print_line)
        await stack.enter_async_context(_serving(gateway, listener))
        await stack.enter_async_context(_background(template, pool, aws_url))
        self._state.write(
            _STATE_FILE,
            {
                "api_url": api_url,
                "mongodb_url": mongodb_url,
                "users": [{name: user[name] for name in ("email", "password", "groups")} for user in people],
            },
        )
        stack.callback(self._state.remove, _STATE_FILE)
        self._state.write_text(_ENVIRONMENT_FILE, environment.shell({**environment.loopback(aws_url), **variables}))
        stack.callback(self._state.remove, _ENVIRONMENT_FILE)
        print_line(banner.ready(api_url, people, self._settings.state_dir, time.monotonic() - began))

    def _open_log(self, stack: AsyncExitStack, name: str) -> IO[bytes]:
        return stack.enter_context(self._state.log(name))

    async def _start_aws(self, stack: AsyncExitStack) -> str:
        with listen(0) as listener:
            descriptor, url = listener.fileno(), f"http://127.0.0.1:{listener.getsockname()[1]}"
            environment.isolate(url)
            child = await Child.start(
                "the AWS services",
                [
                    "local.aws",
                    str(descriptor),
                    str(self._settings.template),
                    str(self._state.path),
                    json.dumps(dict(self._settings.parameters)),
                ],
                log=self._open_log(stack, "aws"),
                inherit=[descriptor],
            )
            self._children.append(child)
            return url

    async def _start_database(self, stack: AsyncExitStack, lock: IO[str]) -> str:
        port = free_port(last_port(self._state))
        with suppress(LocalError):  # the next run takes another port
            self._state.write(PORT_FILE, port)
        child = await Child.start(
            "the database",
            ["local.database", str(port), str(self._state.path / "mongodb")],
            log=self._open_log(stack, "database"),
            inherit=[lock.fileno()],
        )
        self._children.append(child)
        return f"mongodb://127.0.0.1:{port}/?directConnection=true"

    async def _stop_children(self) -> None:
        await asyncio.gather(*(child.stop(grace=10) for child in self._children))

    def _starting(self, began: float) -> Callable[[], bool]:
        """Return a check for whether the embedded database is still starting.

        Any other database must already be running.
        """
        embedded = not self._settings.mongodb_url
        return lambda: embedded and all(child.running for child in self._children) and time.monotonic() < began + 30

    async def _aws_answers(self, url: str) -> None:
        """Wait until moto is up. It has the listening socket from the start, so one request is enough."""
        try:
            await asyncio.to_thread(urlopen, f"{url}/{names.POOL_ID}/.well-known/jwks.json", timeout=30)
        except OSError:
            raise LocalError(f"the AWS services do not answer. See {self._state.path / 'logs' / 'aws.log'}.") from None

    async def _together(
        self, steps: Mapping[str, Coroutine[Any, Any, None]], report: Callable[[str, int], None]
    ) -> None:
        """Run all at once, and report each with the number of those that are done. A failure cancels the others."""
        done = 0

        async def run(name: str, step: Coroutine[Any, Any, None]) -> None:
            nonlocal done
            await step
            done += 1
            report(name, done)

        failures: list[Exception] = []
        try:
            async with asyncio.TaskGroup() as group:
                for name, step in steps.items():
                    group.create_task(run(name, step))
        except* LocalError as errors:
            failures += errors.exceptions
        except* FunctionError:
            failures.append(LocalError(f"no worker can start. See {self._state.path / 'logs' / 'functions.log'}."))
        if failures:  # Before Python 3.11.4 an error that is raised in the clauses above comes out inside a group.
            raise failures[0]

    async def _wait(self, stop: asyncio.Event) -> None:
        """Wait for the signal to stop. ``LocalError`` if one of the servers ends before it."""
        watches = {asyncio.create_task(child.ended()): child.name for child in self._children}
        stopped = asyncio.create_task(stop.wait())
        done, pending = await asyncio.wait([stopped, *watches], return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if stopped not in done:
            dead = next(name for task, name in watches.items() if task in done)
            raise LocalError(f"{dead} ended unexpectedly. See {self._state.path / 'logs'}.")


@asynccontextmanager
async def _serving(gateway: Gateway, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(uvicorn.Config(
        gateway, lifespan="off", log_config=None, access_log=False, server_header=False, ws="none",
        # No proxy is in front, so X-Forwarded-For is the caller's own text. Limits per address count the peer.
        proxy_headers=False,
        timeout_keep_alive=75, timeout_graceful_shutdown=2,
    ))  # fmt: skip
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def _background(template: Template, pool: Pool, aws_url: str) -> AsyncIterator[None]:
    """Run the schedules and the event source mappings."""
    tasks = [asyncio.create_task(schedules.fire(schedule, pool, print_line)) for schedule in template.schedules]
    tasks += [asyncio.create_task(queues.feed(mapping, aws_url, pool, print_line)) for mapping in template.mappings]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
