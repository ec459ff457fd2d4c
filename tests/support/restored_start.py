"""A function as SnapStart restores it: it is imported first, and serves its first request later in the same process.

After a restore the environment has no credentials. It names an endpoint that gives them, as it does on Lambda.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.support.lambda_runtime import ROOT

# Standard output has the log lines of the function, and last what the program itself found.
PROGRAM: Final = """
import gc, json, sys, time
event = json.load(sys.stdin)
import app
imported = sorted(sys.modules)
gc.unfreeze()
kinds = [{each.__name__ for each in type(found).__mro__} for found in gc.get_objects()]
clients = sum(bool(kind & {"BaseClient", "AsyncMongoClient"}) for kind in kinds)
del kinds
started = time.perf_counter()
answer = app.handler(event, None)
seconds = time.perf_counter() - started
late = sorted(set(sys.modules) - set(imported))
print(json.dumps([answer["statusCode"], clients, imported, late, seconds]))
"""


class Restored(NamedTuple):
    """What happened: the status of the answer, and the seconds until it.

    ``clients`` counts the clients of AWS and of the database before the request. ``imported`` are the modules that were
    imported before it, and ``late`` those that it imported.
    """

    status: int
    clients: int
    imported: frozenset[str]
    late: frozenset[str]
    seconds: float


def first_request(
    function: str, event: Mapping[str, Any], places: Sequence[Path], variables: Mapping[str, str]
) -> Restored:
    """Import a function from its folder and ``places`` alone, then let it answer an event."""
    path = os.pathsep.join(map(str, (ROOT / "functions" / function, *places)))
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", PROGRAM],
        env={**variables, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    status, clients, imported, late, seconds = json.loads(done.stdout.splitlines()[-1])
    return Restored(status, clients, frozenset(imported), frozenset(late), seconds)


@contextmanager
def credentials_endpoint() -> Iterator[dict[str, str]]:
    """Serve credentials as Lambda does after a restore. Yield the variables that name the endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Credentials)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a-token",
        }
    finally:
        server.shutdown()
        server.server_close()


class _Credentials(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with credentials that do not expire during a test."""
        keys = {"AccessKeyId": "testing", "SecretAccessKey": "testing", "Token": "testing"}
        body = json.dumps(keys | {"Expiration": "2099-01-01T00:00:00Z"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base class
        """Do not log."""
