"""The AWS services of a local run, at an address that containers reach, over TLS.

The functions fetch the issuer's keys over https only, unless the issuer is on the same machine. A container is not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.moto_api._internal import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local import names, signing_key, users
from local.aws import Secrets, make_queues
from local.identity import Identity
from local.state import StateDirectory
from local.template import Template
from tests.support.sam_local.certificate import make_certificate

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Services:
    """Running services: their URL, the certificate that vouches for it, and the users: a trader, then an admin."""

    url: str
    certificate: Path
    users: list[dict[str, Any]]

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the functions that name resources, as a user of `sam local` sets them."""
        template = Template(ROOT / "template.yaml", self.url)
        variables = {
            name: value for function in template.functions.values() for name, value in function.environment.items()
        }
        named: tuple[str, ...] = ("USER_POOL_ID", "JWT_ISSUER", "JWT_CLIENT_ID", "KEY_SECRET_ID")
        named += ("SYNC_QUEUE_URL", "EVALUATION_QUEUE_URL")
        return {name: variables[name] for name in named}

    @property
    def emulation(self) -> dict[str, str]:
        """The variables that lead AWS's tools to these services instead of to AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "JWT_JWKS_URL": f"{self.url}/{names.POOL_ID}/.well-known/jwks.json",
        }


@contextmanager
def aws_services(address: str, folder: Path) -> Iterator[Services]:
    """Serve the template's resources at ``address``. Keys and passwords are in ``folder``."""
    moto_api_backend.reset()
    state = StateDirectory(folder)
    state.prepare()
    people = [{name: user[name] for name in ("email", "password", "groups")} for user in users.ensure(state)]
    signing_key.ensure(state)
    template = Template(ROOT / "template.yaml")
    make_queues(template)
    Secrets(template, state)
    Identity(template, state)
    certificate, key = make_certificate(address, folder)
    server = make_server(
        address,
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
        ssl_context=(str(certificate), str(key)),
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Services(f"https://{address}:{server.port}", certificate, people)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
