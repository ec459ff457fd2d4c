"""Every answer that clients poll has a tag, and is not sent again to a client that has it."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from tests.support.api import OPERATIONS, POLLED_HEADERS, Operation, World, operations
from tests.support.lambdas import STRANGER, Answer
from tests.support.stack import template

BY_ID = {operation.id: operation for operation in OPERATIONS}
POLLED = [operation for operation in OPERATIONS if "If-None-Match" in operation.parameters("header")]


def poll(world: World, operation: Operation, tag: str | None = None, **given: Any) -> Answer:
    sent = {} if tag is None else {"if-none-match": tag}
    return world.call_as(operation, headers={**sent, **given.pop("headers", {})}, **given)


def polled(world: World, operation: Operation, **given: Any) -> tuple[Answer, Answer]:
    """Read a view, and poll it with its tag. If a price step began between both requests, do so once more."""
    first, second = (poll(world, operation, **given) for _ in range(2))
    tag = (first if first.headers["etag"] == second.headers["etag"] else second).headers["etag"]
    return second, poll(world, operation, tag, **given)


def test_polled_operations_are_these() -> None:
    lists = {"list_all_orders", "list_orders", "list_positions", "list_wallets"}
    assert {operation.id for operation in POLLED} == {"get_wallet", "get_balance", "get_order", *lists}
    for operation in POLLED:
        responses = operation.described["responses"]
        assert "ETag" in responses["200"]["headers"]
        assert "ETag" in responses["304"]["headers"]
        assert "content" not in responses["304"]


@operations(*POLLED)
def test_client_that_has_the_answer_gets_304_without_a_body(world: World, operation: Operation) -> None:
    first, second = polled(world, operation)
    assert first.status == 200
    assert first.headers.items() >= POLLED_HEADERS.items()
    assert (second.status, second.text) == (304, "")
    assert second.headers.items() >= POLLED_HEADERS.items()
    assert second.headers["etag"] == first.headers["etag"]
    assert "content-length" not in second.headers


@pytest.mark.parametrize("sent", ["W/{tag}", '"other", {tag}', "{tag}, W/{tag}", '"-gzip",{tag}', "*"])
def test_tag_is_found_in_every_form_of_the_header(world: World, sent: str) -> None:
    tag = poll(world, BY_ID["list_wallets"]).headers["etag"]
    assert poll(world, BY_ID["list_wallets"], sent.format(tag=tag)).status == 304


@pytest.mark.parametrize("sent", ['"other"', "", "other", "W/", '"', '"*"', "é", '"' * 9000, ', "b-', '"b-"'])
def test_header_without_the_tag_is_answered_in_full(world: World, sent: str) -> None:
    assert poll(world, BY_ID["list_wallets"], sent).status == 200


def test_compressed_answer_has_a_tag_of_its_own(world: World) -> None:
    accepting = {"accept-encoding": "gzip"}
    plain, packed = poll(world, BY_ID["list_orders"]), poll(world, BY_ID["list_orders"], headers=accepting)
    assert gzip.decompress(base64.b64decode(packed.text)).decode() == plain.text
    assert packed.headers["etag"] == plain.headers["etag"][:-1] + '-gzip"'
    for tag in (plain.headers["etag"], packed.headers["etag"]):
        again = poll(world, BY_ID["list_orders"], tag, headers=accepting)
        assert (again.status, again.headers["etag"]) == (304, tag)


def test_tag_of_a_wallet_opens_it_to_nobody_else(world: World) -> None:
    for operation in POLLED:
        first = poll(world, operation)
        asked = {"if-none-match": f"{first.headers['etag']}, *"} if operation.is_about_a_wallet else None
        answer = world.call(operation, world.token(STRANGER), headers=asked)
        assert answer.status == (404 if operation.is_about_a_wallet else 200)
        assert answer.headers.get("etag") != first.headers["etag"]


def test_browsers_may_send_and_read_tags() -> None:
    cors = template()["Resources"]["Api"]["Properties"]["CorsConfiguration"]
    assert "if-none-match" in cors["AllowHeaders"]
    assert "etag" in cors["ExposeHeaders"]
