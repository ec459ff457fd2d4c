"""Configuration of a demo wallet, in addition to its credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import LoadedAccount
from moniqo_core.wallets.config_entries import check_names, function, instance

_OWNER: Final = "DemoWallet"
_DRIVERS: Final = frozenset({"motor", "pymongo"})
"""The packages of MongoDB's drivers. Motor and PyMongo's blocking client have databases that look alike."""


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """Configuration of a :class:`moniqo_core.wallets.demo.DemoWallet`. A script needs only ``db``."""

    db: AsyncDatabase[dict[str, Any]]
    """The asynchronous PyMongo database that holds the account."""

    clock: Clock = utc_now
    """Returns the current time in UTC."""

    feed: PriceFeed | None = None
    """Prices to trade on. None uses the feed that the account was opened on."""

    owner: str | None = None
    """The user who must own the wallet. None opens a wallet of any owner, and creates a missing account."""

    ledger: DemoJournal | None = None
    """The journals of ``db``. Pass one object to share it between wallets."""

    loaded: LoadedAccount | None = None
    """The account, if the caller has already read it."""

    def __post_init__(self) -> None:
        """Refuse a database of another client, whose calls return something else.

        Raises:
            TypeError: ``db`` is not a database of PyMongo's asynchronous client. The text says how to get one.

        """
        _refuse_other_clients(self.db)

    @classmethod
    def from_mapping(cls, entries: Mapping[str, object]) -> DemoConfig:
        """Read a mapping with these names.

        Raises:
            ValueError: ``db`` is missing, or a name is not known.
            TypeError: an entry is of the wrong type.

        """
        _refuse_other_clients(entries.get("db"))
        check_names(_OWNER, entries, frozenset(cls.__slots__), frozenset({"db"}))
        database: AsyncDatabase[dict[str, Any]] | None = instance(_OWNER, entries, "db", AsyncDatabase)
        if database is None:
            raise TypeError(f"db in the config of {_OWNER} must be AsyncDatabase, not NoneType")
        feed = entries.get("feed")
        if feed is not None and not hasattr(feed, "snapshot"):
            raise TypeError(f"feed in the config of {_OWNER} must be PriceFeed, not {type(feed).__name__}")
        return cls(
            db=database,
            clock=cast("Clock", function(_OWNER, entries, "clock") or utc_now),
            feed=cast("PriceFeed | None", feed),
            owner=instance(_OWNER, entries, "owner", str),
            ledger=instance(_OWNER, entries, "ledger", DemoJournal),
            loaded=instance(_OWNER, entries, "loaded", LoadedAccount),
        )


def _refuse_other_clients(database: object) -> None:
    kind = type(database)
    if kind is not AsyncDatabase and kind.__module__.partition(".")[0] in _DRIVERS:
        raise TypeError(
            f"db in the config of {_OWNER} must be AsyncDatabase, not {kind.__name__}."
            " Use PyMongo's asynchronous client: pymongo.AsyncMongoClient(url)[name]"
        )
