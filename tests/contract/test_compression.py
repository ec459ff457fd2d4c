"""Answers over 1 KB are compressed for clients that accept gzip, and are otherwise the same."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from moniqo_core.http.gateway.compression import compressed
from tests.support.api import OPERATIONS, World
from tests.support.lambdas import Answer

BY_ID = {operation.id: operation for operation in OPERATIONS}
ACCEPTED = ("gzip", "br, gzip", "GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0.1", "*", "br;q=1, *;q=0.2", "x-gzip")
REFUSED = ("", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*, gzip; q=0", "br;q=1, *;q=0", "not-gzip", "gzip;q=x")


def called(world: World, operation: str, accepted: str, **given: Any) -> Answer:
    return world.call_as(BY_ID[operation], headers={"accept-encoding": accepted}, **given)


def unpacked(answer: Answer) -> str:
    packed = base64.b64decode(answer.text)
    assert answer.is_base64
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(packed))
    return gzip.decompress(packed).decode()


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_large_answer_is_compressed_where_the_client_accepts_it(world: World, accepted: str) -> None:
    plain, packed = (called(world, "list_definitions", each) for each in ("", accepted))
    assert len(plain.text) > 1024
    assert unpacked(packed) == plain.text
    assert len(packed.text) * 3 < len(plain.text)
    assert packed.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", REFUSED)
def test_answer_is_plain_where_the_client_does_not_accept_gzip(world: World, accepted: str) -> None:
    answer = called(world, "list_definitions", accepted)
    assert answer.json["items"]
    assert "content-encoding" not in answer.headers
    # A cache must not give this answer to a client that accepts gzip, or the other way round.
    assert answer.headers["vary"] == "Accept-Encoding"


def test_small_answer_is_plain(world: World) -> None:
    answer = called(world, "get_health", "gzip")
    assert answer.json["status"] == "ok"
    assert answer.headers["vary"] == "Accept-Encoding"


def test_problem_is_compressed(world: World) -> None:
    many = "&".join(f"unknown{number}=1" for number in range(20))
    refused = called(world, "list_wallets", "gzip", query=many)
    assert refused.status == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert json.loads(unpacked(refused))["error_count"] == 20


@pytest.mark.parametrize(
    ("media_type", "is_compressed"),
    [("text/csv; charset=utf-8", True), ("application/json", True), ("text/event-stream", False), ("image/png", False)],
)
def test_text_is_compressed_but_never_a_stream_of_events(media_type: str, *, is_compressed: bool) -> None:
    body, headers = b"1,2026-11-30,buy\r\n" * 100, {"content-type": media_type, "etag": '"a"'}
    sent = compressed(body, headers, "gzip")
    assert (sent != body) is is_compressed
    assert (headers["etag"] == '"a-gzip"') is is_compressed
    assert (gzip.decompress(sent) if is_compressed else sent) == body


def test_answer_without_a_body_is_not_compressed(world: World) -> None:
    made = world.call_as(BY_ID["create_definition"], body=BY_ID["create_definition"].body | {"slug": "acme-gone"})
    assert made.status == 201
    gone = called(world, "delete_definition", "gzip", ids={"slug": "acme-gone"})
    assert (gone.status, gone.text) == (204, "")
    assert "content-encoding" not in gone.headers
