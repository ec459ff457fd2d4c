"""The configuration of wallets, as scripts give it: what is missing or wrong is said by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import DecryptionError
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.binance import Binance
from moniqo_core.wallets.demo import DemoWallet
from moniqo_core.wallets.demo.config import DemoConfig
from moniqo_core.wallets.exchange.config import ExchangeConfig
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run


@pytest.fixture
def database(run: Run) -> Any:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(connect=False)
    yield client["unused"]
    run(client.close())


@pytest.fixture
def connection() -> VenueConnection:
    return VenueConnection(Binance(), ApiConfig(base_url="https://api.binance.com"))


def test_demo_config_needs_only_a_database(database: Any) -> None:
    config = DemoConfig.from_mapping({"db": database})

    assert config == DemoConfig(database)
    assert (config.clock, config.feed, config.owner, config.ledger, config.loaded) == (utc_now, None, None, None, None)


def test_exchange_config_needs_only_a_connection(connection: VenueConnection) -> None:
    config = ExchangeConfig.from_mapping({"connection": connection})

    assert config == ExchangeConfig(connection)
    assert config.clock is utc_now


def test_wallet_accepts_a_mapping_or_a_config(database: Any, connection: VenueConnection) -> None:
    for demo in ({"db": database}, DemoConfig(database)):
        assert DemoWallet(wallet_id="d", user_wallet_id="w", credentials={}, config=demo).user_wallet_id == "w"
    for exchange in ({"connection": connection}, ExchangeConfig(connection)):
        assert ExchangeWallet("d", "w", {}, exchange).wallet_id == "d"


@pytest.mark.parametrize("config", [None, {}, {"clock": utc_now}])
def test_missing_entry_is_named(config: Any) -> None:
    with pytest.raises(ValueError, match=r"^the config of DemoWallet lacks db$"):
        DemoWallet("d", "w", {}, config)
    with pytest.raises(ValueError, match=r"^the config of ExchangeWallet lacks connection$"):
        ExchangeWallet("d", "w", {}, config)


def test_unknown_entry_is_refused_with_the_known_ones(database: Any, connection: VenueConnection) -> None:
    names = "clock, db, feed, ledger, loaded, owner"
    with pytest.raises(ValueError, match=f"^the config of DemoWallet has no entry database: it takes {names}$"):
        DemoConfig.from_mapping({"db": database, "database": database})
    with pytest.raises(
        ValueError, match=r"^the config of ExchangeWallet has no entry db: it takes clock, connection, "
    ):
        ExchangeConfig.from_mapping({"connection": connection, "db": database})


@pytest.mark.parametrize("name", ["db", "clock", "feed", "owner", "ledger", "loaded"])
def test_demo_config_names_an_entry_of_the_wrong_type(database: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} in the config of DemoWallet must be .*, not int$"):
        DemoConfig.from_mapping({"db": database, name: 5})


def _motor() -> Any:
    """Return a database of Motor by its name. Motor reached its end of life, so it is not installed here."""
    return type("AsyncIOMotorDatabase", (), {"__module__": "motor.core"})()


@pytest.mark.parametrize("make", [_motor, lambda: MongoClient[Any](connect=False)["unused"]], ids=["motor", "pymongo"])
def test_database_of_another_client_is_refused_with_the_client_to_use(make: Callable[[], Any]) -> None:
    other = make()
    name = type(other).__name__
    clear = f"^db in the config of DemoWallet must be AsyncDatabase, not {name}. Use PyMongo's asynchronous client: "
    for config in ({"db": other}, None):
        with pytest.raises(TypeError, match=f"{clear}.*AsyncMongoClient"):
            DemoWallet("d", "w", {}, config or DemoConfig(other))


@pytest.mark.parametrize("name", ["connection", "clock", "usd_rate", "record", "kept_fills", "kept_equity", "unopened"])
def test_exchange_config_names_an_entry_of_the_wrong_type(connection: VenueConnection, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} in the config of ExchangeWallet must be .*, not int$"):
        ExchangeConfig.from_mapping({"connection": connection, name: 5})


def test_entry_of_none_counts_as_missing(database: Any, connection: VenueConnection) -> None:
    assert DemoConfig.from_mapping({"db": database, "clock": None, "owner": None}) == DemoConfig(database)
    with pytest.raises(TypeError, match=r"^db in the config of DemoWallet must be AsyncDatabase, not NoneType$"):
        DemoConfig.from_mapping({"db": None})
    with pytest.raises(TypeError, match=r"^connection in the config of ExchangeWallet must be VenueConnection"):
        ExchangeConfig.from_mapping({"connection": None})


def test_exchange_config_is_frozen_and_keeps_its_entries(connection: VenueConnection) -> None:
    refusal = DecryptionError()
    config = ExchangeConfig.from_mapping({"connection": connection, "unopened": refusal})

    assert config.unopened is refusal
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.clock = utc_now  # type: ignore[misc]
