"""The part ``paper`` of a recording: journals of paper wallets and what the API says of them."""

from __future__ import annotations

from pathlib import Path

from tests.recording import paper_orders, paper_wallets, questions
from tests.recording.scene import SEED, scene
from tests.support.lambdas import TRADER
from tests.support.recorded_calls import request
from tests.support.recorded_venues import prices_of_a_venue, restart


def record_paper(folder: Path) -> None:
    """Let the traders act, ask everything at the end, and write it down."""
    with scene(paper_orders.BEGAN) as made:
        slugs = paper_wallets.definitions(made)
        shares = paper_wallets.of_shares(made)
        every = paper_orders.open_wallet(made, custom_name="Every order", cash="1000000")
        paper_orders.at_market(every)
        paper_orders.at_a_limit(every)
        paper_orders.with_triggers(every)
        paper_orders.with_exits(every)
        paper_orders.in_parts(every)
        others = [
            paper_wallets.under_limits(made),
            paper_wallets.paused_by_a_loss(made),
            *paper_wallets.left_paused(made),
        ]
        others += paper_wallets.reset_and_forked(made)
        gone = paper_wallets.deleted(made)
        paper_wallets.a_stranger(made)
        paper_wallets.drawn(made)
        with prices_of_a_venue(made.database, made.clock):
            follower = paper_wallets.following(made)
            paper_wallets.synced(made, every, shares[0], follower)
            paper_orders.left_open(every)
            made.clock.forward(seconds=1)
            restart()
            wallets = [trader.id for trader in (every, *shares, *others, follower, gone)]
            asked = [request("GET", "/api/v1/wallets", TRADER), *questions.of_catalogue(slugs)]
            asked += questions.of_market(every.id, paper_orders.BTC) + questions.of_market(shares[0].id, "AAPL/USD")
            for wallet in wallets:
                asked += questions.of_wallet(wallet, made.clock())
            asked += questions.of_orders(every.id, [order["order_id"] for order in every.orders()[:5]])
            made.write(folder, SEED, asked)
