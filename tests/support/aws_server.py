"""An emulated AWS over HTTP, for tests about connections and for other processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


@contextmanager
def aws_server() -> Iterator[str]:
    """Serve an empty account on loopback and yield its URL."""
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    # Moto's own server notices the end of a test half a second later.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    # All servers of a process show the same account.
    with urlopen(Request(f"{url}/moto-api/reset", method="POST")):
        pass
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
