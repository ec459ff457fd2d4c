"""The service in `sam local`: a daemon, Lambda's image, a database and AWS services that containers reach."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.support.mongo import embedded_server, migrate
from tests.support.sam_local.aws import Services, aws_services
from tests.support.sam_local.docker import Docker, NoDaemonError, docker_daemon
from tests.support.sam_local.image import KEPT, runtime_image
from tests.support.sam_local.sam import BUILT, MACHINE, SamApi, SamLocal

SKIPPED = KEPT / "skipped"
"""Why the last run tried nothing. `.ci/run` repeats it at its end."""


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """A Docker daemon. Without one, nothing here can be tried."""
    SKIPPED.unlink(missing_ok=True)
    try:
        with docker_daemon() as daemon:
            yield daemon
    except NoDaemonError as error:
        KEPT.mkdir(parents=True, exist_ok=True)
        SKIPPED.write_text(f"{error}\n", encoding="utf-8")
        pytest.skip(f"sam local was NOT tried: {error}")


@pytest.fixture(scope="session")
def services(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The AWS services of a local run, at the address of the bridge."""
    with aws_services(docker.gateway, tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture(scope="session")
def database(docker: Docker) -> Iterator[dict[str, str]]:
    """A new database, as the functions know it. The server is at the address of the bridge, or at MONGODB_URL."""
    given = os.environ.get("MONGODB_URL")
    with nullcontext(given) if given else embedded_server(host=docker.gateway) as url:
        name = f"test_{uuid.uuid4().hex}"
        migrate(url, MONGODB_DATABASE=name)
        yield {"MONGODB_URL": url.replace(docker.gateway, MACHINE), "MONGODB_DATABASE": name}
        with MongoClient[dict[str, Any]](url) as client:
            client.drop_database(name)


@pytest.fixture(scope="session")
def sam(
    docker: Docker, services: Services, database: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SamLocal]:
    """SAM CLI with the built template and all that its functions need."""
    assert BUILT.is_file(), "build first: `make sam-local` does"
    with runtime_image(docker, services.emulation, services.certificate):
        settings = {**database, **services.settings}
        yield SamLocal(os.environ["SAM"], tmp_path_factory.mktemp("sam"), docker, settings)


@pytest.fixture(scope="session")
def api(sam: SamLocal) -> Iterator[SamApi]:
    """A running `sam local start-api`."""
    with sam.start_api() as running:
        yield running


@pytest.fixture
def journey_folder(services: Services, tmp_path: Path) -> Path:
    """A folder with the file from which the README's journey reads the trader's password."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps({"users": services.users}), encoding="utf-8")
    return tmp_path
