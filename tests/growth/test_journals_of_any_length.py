"""A request on a journal of 10,000 entries costs the database what it costs on one of 1,000.

These are counts, so they are the same on every machine. `make bench ARGS=growth` compares times, with 100,000 entries.
Both wallets live the same life, so their first 990 entries are equal. A request that shows the same entries of both
costs exactly the same. Their newest pages differ, so one of them may take a read more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from benchmarks.journal_life import RARE, START
from benchmarks.journals import give_own_user, journal, load
from moniqo_core import event_loop
from moniqo_core.domain.clock import rfc3339
from moniqo_core.http.pagination import encode_cursor
from moniqo_core.storage.paper.snapshots import ENTRIES
from moniqo_core.storage.wallets.definitions import COLLECTION as DEFINITIONS
from tests.conftest import Database, fresh_database, fresh_environment
from tests.support.database_cost import Cost, database_cost, examined
from tests.support.lambdas import User, invoke

SHORT, LONG = 1_000, 10_000
MIDDLE = 500
"""The entry at which a page in the middle begins."""
EARLY = rfc3339(START + timedelta(hours=4))
MORE = 1.25
"""How many times as many documents and bytes other entries may take."""
FEW_DOCUMENTS = 40
"""What one more command may read, for example in the search for a time."""
FEW_BYTES = 4_000
MOST_EXAMINED = 800
"""Entries that the server may examine for a request, whatever the length of the journal."""

FILTERS: dict[str, dict[str, str]] = {
    "": {},
    ", closed": {"status": "closed"},
    " of a symbol": {"symbol": "BTC/USDT"},
    " of a rare symbol": {"symbol": RARE, "limit": "2"},
    ", sells": {"side": "sell"},
    ", stop losses": {"type": "stop_loss", "limit": "5"},
    " by client order id": {"client_order_id": "c-20"},
}


class Traded(NamedTuple):
    """A wallet with a journal, the only one of its user, and the time of its entry in the middle."""

    user: User
    wallet: str
    middle: str


_called: set[tuple[str, str]] = set()


class Both(NamedTuple):
    """The two wallets and their database."""

    database: Database
    short: Traded
    long: Traded


class Asked(NamedTuple):
    """A request. ``{wallet}`` in the path is the wallet, and ``cursor`` begins the page in the middle.

    ``of_same`` tells that both wallets show the same entries.
    """

    function: str
    path: str
    query: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None
    of_same: bool = True

    def cost(self, traded: Traded) -> Cost:
        """Return the cost, once the function was called before. Its first call reads what it keeps."""
        if (self.function, traded.wallet) not in _called:
            _called.add((self.function, traded.wallet))
            self._call(traded)
        with database_cost() as cost:
            answer = self._call(traded)
        if "client_order_id" not in self.query and "items" in answer:
            assert len(answer["items"]) == int(self.query.get("limit", "50"))
        return cost

    def _call(self, traded: Traded) -> Any:
        answer = invoke(
            self.function,
            "GET" if self.body is None else "POST",
            self.path.format(wallet=traded.wallet),
            user=traded.user,
            query={**self.query, "cursor": self._cursor(traded)} if "cursor" in self.query else self.query,
            body=self.body,
        )
        assert answer.status in {200, 201}, answer.text
        return answer.json

    def _cursor(self, traded: Traded) -> str:
        if self.path == "/orders":
            return encode_cursor([traded.middle, traded.wallet, str(MIDDLE), "1"])
        return encode_cursor([str(MIDDLE)] if self.function == "get_ledger" else [str(MIDDLE), "1"])


def pages(name: str, function: str, path: str, query: Mapping[str, str]) -> dict[str, Asked]:
    """The first page, one that begins early, and one in the middle. None of these has a rare symbol."""
    named = "client_order_id" in query
    of_wallet = "{wallet}" in path
    found = {name: Asked(function, path, query, of_same=named)}
    if query.get("symbol") != RARE:
        found[f"{name}, `to` early"] = Asked(function, path, {**query, "to": EARLY}, of_same=named)
        found[f"{name}, by cursor"] = Asked(function, path, {**query, "cursor": ""}, of_same=named or of_wallet)
    return found


REQUESTS: dict[str, Asked] = {}
for shown, chosen in FILTERS.items():
    REQUESTS |= pages(f"orders{shown}", "list_orders", "/wallets/{wallet}/orders", chosen)
    REQUESTS |= pages(f"orders of all wallets{shown}", "list_all_orders", "/orders", chosen)
    if chosen.keys() <= {"symbol", "limit"}:
        REQUESTS |= pages(f"trades{shown}", "list_trades", "/wallets/{wallet}/trades", chosen)
REQUESTS |= {
    "ledger": Asked("get_ledger", "/wallets/{wallet}/ledger"),
    "ledger, by cursor": Asked("get_ledger", "/wallets/{wallet}/ledger", {"cursor": ""}),
    "balance": Asked("get_balance", "/wallets/{wallet}/balance"),
    "performance": Asked("get_performance", "/wallets/{wallet}/performance", of_same=False),
    # The last two, because they add entries and wallets.
    "order": Asked(
        "place_order",
        "/wallets/{wallet}/orders",
        body={"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"},
    ),
    "fork at an old entry": Asked("fork_wallet", "/wallets/{wallet}/fork", body={"seq": 700}),
}


@pytest.fixture(scope="module")
def both(mongo_url: str, definitions: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with pytest.MonkeyPatch.context() as patch, fresh_environment(patch), fresh_database(patch, mongo_url) as database:
        event_loop.run(database[DEFINITIONS].insert_many(definitions))
        folder = tmp_path_factory.mktemp("journals")
        short, long = (event_loop.run(load(database, journal(entries, folder))) for entries in (SHORT, LONG))
        yield Both(database, *(event_loop.run(_owned(database, wallet)) for wallet in (short, long)))


async def _owned(database: Database, wallet: str) -> Traded:
    """Give a wallet to a user of its own."""
    await give_own_user(database, wallet)
    middle = await database[ENTRIES].find_one({"user_wallet_id": wallet, "seq": MIDDLE})
    assert middle is not None
    return Traded(User(wallet), wallet, rfc3339(middle["at"]))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_long_journal_costs_what_a_short_one_costs(name: str, both: Both) -> None:
    short, long = (REQUESTS[name].cost(traded) for traded in (both.short, both.long))
    assert event_loop.run(examined(both.database, long, ENTRIES)) <= MOST_EXAMINED
    if REQUESTS[name].of_same:
        assert (long.commands, long.documents) == (short.commands, short.documents)
        # The numbers of a long journal have a digit more.
        assert long.bytes == pytest.approx(short.bytes, abs=50)
    else:
        assert len(long.commands) <= len(short.commands) + 1
        assert long.documents <= short.documents * MORE + FEW_DOCUMENTS
        assert long.bytes <= short.bytes * MORE + FEW_BYTES
