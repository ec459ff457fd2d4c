"""A local run, and what a client needs to use it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from local import signing_key
from tests.support.local_run import LocalRun, local_run


@dataclass(frozen=True)
class Target:
    """An API to use: where it is, a user of it, and tokens."""

    url: str
    token: str
    expired: str

    @property
    def environment(self) -> dict[str, str]:
        """The same as variables for another process."""
        return {"API_URL": self.url, "TOKEN": self.token, "EXPIRED_TOKEN": self.expired}


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the environment that `make clients` has installed."""
    return Path(os.environ["OPENAPI_TOOLS"])


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Run the API on this machine."""
    with local_run(tmp_path_factory.mktemp("run") / "state") as run:
        token = run.login()
        yield Target(f"http://127.0.0.1:{run.port}", token, expired(run, token))


def expired(run: LocalRun, token: str) -> str:
    """Return a token as this installation signed it two hours ago."""
    key = RSAKey.import_key(json.loads((run.state_dir / signing_key.FILE).read_text(encoding="utf-8")))
    decoded = jwt.decode(token, key)
    then = int(time.time()) - 7200
    claims: dict[str, Any] = {**decoded.claims, "iat": then, "auth_time": then, "exp": then + 3600}
    return jwt.encode({"alg": "RS256", "kid": decoded.header["kid"]}, claims, key)
