"""``moniqo-admin migrate``: complete, and checked by the health route."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from moniqo_core import __version__, cli
from moniqo_core.domain.clock import utc_now
from moniqo_core.migrations.listed import MIGRATIONS, REQUIRED
from moniqo_core.storage.indexes import INDEXES
from moniqo_core.storage.wallets.definition_seeds import SEEDS
from tests.conftest import Database, Run, forget
from tests.support.lambdas import Invoke

pytestmark = pytest.mark.own_database

NUMBERS = [each.number for each in MIGRATIONS]


@pytest.fixture
def empty(mongo_url: str, database: Database, environment: pytest.MonkeyPatch, run: Run) -> Database:
    """An empty database, the one the handlers use."""
    run(database.client.drop_database(database.name))
    environment.delenv("KEY_SECRET_ID")
    return database


def admin(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """Run ``moniqo-admin migrate`` with connections of its own, and return its exit code and what it printed."""
    forget()
    capsys.readouterr()
    code = cli.main(["migrate", *words])
    forget()
    return code, capsys.readouterr().out.splitlines()


def assert_complete(db: Database, run: Run) -> None:
    """Assert that every index and definition is there, and that every migration has its record."""

    async def read() -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, set[str]]]:
        indexes = {name: set(await db[name].index_information()) for name in INDEXES}
        return await db.wallets.find().to_list(), await db.migrations.find().sort("_id").to_list(), indexes

    definitions, records, indexes = run(read())
    assert sorted(each["slug"] for each in definitions) == sorted(seed.slug for seed in SEEDS)
    assert [(each["_id"], each["name"]) for each in records] == [(each.number, each.name) for each in MIGRATIONS]
    for each in records:
        assert each["release"] == __version__
        assert each["started_at"] <= each["done_at"]
    for name, models in INDEXES.items():
        assert {model.document["name"] for model in models} <= indexes[name]


def test_empty_database_is_migrated_once(empty: Database, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert admin(capsys, "--status")[0] == 1

    code, lines = admin(capsys)

    assert code == 0
    assert [line.partition(":")[0] for line in lines] == [f"{each.number} {each.name}" for each in MIGRATIONS]
    assert_complete(empty, run)
    assert admin(capsys) == (0, ["Every migration of this release has run."])
    code, lines = admin(capsys, "--status")
    assert code == 0
    assert [line.split()[0] for line in lines[1:]] == [str(number) for number in NUMBERS]
    assert all(" done 2" in line and line.endswith(f"  {__version__}") for line in lines[1:])


def test_health_names_the_first_missing_migration_and_the_next_step(empty: Database, invoke: Invoke, run: Run) -> None:
    for each in REQUIRED:
        answer = invoke("get_health", "GET", "/health")
        assert (answer.status, answer.json["code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert answer.json["detail"] == f"Migration {each.number} ({each.name}) has not run on this database."
        assert "moniqo-admin migrate" in answer.json["hint"]
        assert int(answer.headers["retry-after"]) > 0
        run(empty.migrations.insert_one({"_id": each.number, "started_at": utc_now()}))
        assert invoke("get_health", "GET", "/health").json["detail"] == answer.json["detail"], "begun is not done"
        run(empty.migrations.update_one({"_id": each.number}, {"$set": {"done_at": utc_now()}}))

    assert invoke("get_health", "GET", "/health").json == {"status": "ok", "database": "ok"}


def test_release_that_was_rolled_back_to_leaves_later_migrations_alone(
    empty: Database, invoke: Invoke, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert admin(capsys)[0] == 0
    later = {"_id": 1000, "name": "more", "started_at": utc_now(), "done_at": utc_now(), "release": "9.0.0"}
    later["field_of_a_later_release"] = 1
    run(empty.migrations.insert_one(later))
    before = run(empty.migrations.find().to_list())

    assert admin(capsys) == (0, ["Every migration of this release has run."])
    assert admin(capsys, "--status")[1][-1].split()[:5] == ["1000", "more", "(of", "another", "release)"]
    assert invoke("get_health", "GET", "/health").status == 200
    assert run(empty.migrations.find().to_list()) == before


def test_missing_setting_is_named() -> None:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PYTHONPATH"}}
    command = [sys.executable, "-m", "moniqo_core.cli", "migrate"]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (2, "MONGODB_SECRET_ID is not set.\n")
