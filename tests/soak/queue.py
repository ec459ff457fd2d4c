"""A queue that accepts messages over HTTP as SQS does. The soak decides when, and how often, it delivers them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Queue(ThreadingHTTPServer):
    """Takes ``SendMessageBatch`` of the JSON protocol."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[str] = []
        self.first_at: float | None = None
        self.url = f"http://127.0.0.1:{self.server_port}"

    def take(self) -> list[str]:
        """Take the bodies of all messages."""
        taken, self.bodies = self.bodies, []
        return taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Queue

    def do_POST(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AmazonSQS.SendMessageBatch"
        entries = asked["Entries"]
        assert len(entries) <= 10
        self.server.first_at = self.server.first_at or time.monotonic()
        self.server.bodies += [entry["MessageBody"] for entry in entries]
        taken = [{"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": ""} for entry in entries]
        answer = json.dumps({"Successful": taken, "Failed": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Do not log."""


@contextmanager
def queue() -> Iterator[Queue]:
    """Run a queue."""
    server = Queue()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
