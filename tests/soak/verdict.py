"""The checks at the end of a run: every accepted order exists once, and every refused one does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.soak.client import Answered, wallet_of
from tests.support.ledger_audit import Database, audited, entries_of


@dataclass
class Record:
    """The reports of one slot's clients. ``doubtful`` orders were sent at least once without a response."""

    answers: dict[int, Answered] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    newest: int = -1
    extra: dict[str, str] = field(default_factory=dict)
    """The wallets of orders without a number, by name. Each was placed at most once."""

    def ask(self, number: int) -> None:
        """Record that an order is about to be sent."""
        assert number in {self.newest, self.newest + 1}
        self.newest = number

    def answer(self, answer: Answered) -> None:
        """Record its outcome."""
        assert answer.number == self.newest
        self.answers[answer.number] = answer
        if answer.tries > 1 or answer.outcome == "unknown":
            self.doubtful.add(answer.number)

    def next_number(self, asks_again: bool) -> int:
        """Return the next client's first number: an unanswered order is sent again if it has a client order id."""
        if self.newest < 0 or self.newest in self.answers:
            return self.newest + 1
        self.doubtful.add(self.newest)
        if not asks_again:
            self.answers[self.newest] = Answered(self.newest, "unknown", 1)
        return self.newest + (not asks_again)


async def verdict(db: Database, seed: int, records: list[Record], wallets: list[str]) -> int:
    """Audit every wallet and compare its journal with what clients were told. Return the number of entries."""
    made: dict[str, tuple[str, str]] = {}
    total = 0
    for wallet in wallets:
        await audited(db, wallet)
        entries = await entries_of(db, wallet)
        total += len(entries)
        for entry in entries:
            if entry["kind"] == "place":
                name = json.loads(entry["command"]["metadata"])["name"]
                assert name not in made, f"{name} was made twice"
                made[name] = (wallet, entry["orders"][0]["order_id"])
    for slot, record in enumerate(records):
        for number in range(record.newest + 1):
            _check(made.pop(f"{slot}-{number}", None), wallet_of(seed, slot, number), number, record)
        for name, wallet in record.extra.items():
            assert made.pop(name, (wallet, ""))[0] == wallet
    assert not made, f"nobody asked for {made}"
    await db.client.close()
    return total


def _check(made: tuple[str, str] | None, wallet: str, number: int, record: Record) -> None:
    answer = record.answers.get(number)
    if answer is not None and answer.outcome == "accepted":
        assert made == (wallet, answer.order_id), f"{answer} is {made} in the journal"
    elif made is not None:
        # The first request got no answer, so the order may have been placed.
        assert number in record.doubtful, f"{answer} was made all the same: {made}"
        assert made[0] == wallet
