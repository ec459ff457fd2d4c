"""Repeats of a request that arrive at once do what one of them does."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.orders.request import ClosePosition
from tests.conftest import Run
from tests.integration.test_repeats import Site, site
from tests.support.lambdas import TRADER
from tests.support.wallets import aws

__all__ = ["aws", "site"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

ROUNDS = 25


def test_concurrent_repeats_of_a_close_sell_once(site: Site, run: Run, seed: int) -> None:
    chance, sales = Random(seed), []

    async def one_round(number: int) -> None:
        repeats = [
            bootstrap.orders().close_position(TRADER.id, site.id, ClosePosition("BTC/USDT", f"close-{number}"))
            for _ in range(chance.randint(2, 4))
        ]
        found = await asyncio.gather(*repeats)
        sales.append(({sale.order_id for sale in found}, sum(not sale.replayed for sale in found)))

    for number in range(ROUNDS):
        site.place()
        run(one_round(number))
    assert [(len(ids), new) for ids, new in sales] == [(1, 1)] * ROUNDS
