"""Fixtures for the tests that are generated from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from moniqo_core import bootstrap, event_loop
from moniqo_core.config import LARGEST
from moniqo_core.storage.wallets.definition_seeds import seed_definitions
from tests.conftest import fresh_database, fresh_environment
from tests.support import tokens, wallets
from tests.support.api import World, issuer, make_world, user_pool


@pytest.fixture(scope="session")
def key_set_url() -> Iterator[str]:
    """Where the issuer of test tokens publishes its keys."""
    with issuer() as url:
        yield url


@pytest.fixture(scope="module")
def world(mongo_url: str, key_set_url: str) -> Iterator[World]:
    """Users, wallets, orders, and an issuer whose tokens are verified by the handlers alone.

    One for all tests of a module: a test that changes anything makes things of its own with ``api.new_things``.
    """
    with pytest.MonkeyPatch.context() as patch, new_world(patch, mongo_url, key_set_url) as made:
        yield made


@contextmanager
def new_world(patch: pytest.MonkeyPatch, mongo_url: str, key_set_url: str) -> Iterator[World]:
    """Prepare everything that calls need, from an empty database."""
    with fresh_environment(patch), fresh_database(patch, mongo_url) as database, wallets.aws_services(patch):
        event_loop.run(seed_definitions(database))
        client_id = user_pool(patch)
        patch.setenv("JWT_ISSUER", tokens.ISSUER)
        patch.setenv("JWT_JWKS_URL", key_set_url)
        # One user makes the things of all tests of a module.
        for name, most in LARGEST.items():
            patch.setenv(name.upper(), str(most))
        bootstrap.settings.cache_clear()
        yield make_world(client_id, database)
