"""Invalid input for every operation of the OpenAPI document is refused as documented and changes nothing.

Request bodies are made from the examples and schemas of the document: every field gets every kind of wrong value. The
service must refuse what the schema forbids. It may refuse what the schema allows. It must never fail.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from moniqo_core.http.invalid_fields import MAX_LISTED
from tests.support.api import DOCUMENT, EMAIL, OPERATIONS, PASSWORD, Operation, World, new_things, operations
from tests.support.lambdas import ROOT, TRADER, Answer

WITH_BODY = [operation for operation in OPERATIONS if operation.body is not None]

Path = tuple[str | int, ...]


def names_in(schema: Any) -> Iterator[str]:
    """Every name of a property in a schema, references followed."""
    waiting, seen = [schema], set[str]()
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        if not isinstance(node, dict):
            continue
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            seen.add(reference)
            waiting.append(DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]])
        yield from node.get("properties", {})
        waiting += node.values()


SHOWN_BY_THE_SERVER = {"user_id", "has_credentials", "seq", "credentials_version", "deleted_at", "request_hash"} | {
    name
    for operation in OPERATIONS
    for status, response in operation.described["responses"].items()
    if status.startswith("2") and "application/json" in response.get("content", {})
    for name in names_in(response["content"]["application/json"]["schema"])
}
"""Names of fields in answers, and of some that are only stored."""


class Raw(str):
    """JSON text to be sent as it stands, where Python's encoder would write something else."""

    __slots__ = ()


MALFORMED: dict[str, str] = {
    "empty": "",
    "blank": " \n",
    "cut off": "{",
    "closed too often": "{}}",
    "two documents": "{} {}",
    "trailing comma": '{"a": 1,}',
    "single quotes": "{'a': 1}",
    "no quotes": "{a: 1}",
    "comment": "{} // end",
    "NaN": '{"a": NaN}',
    "Infinity": '{"a": Infinity}',
    "minus Infinity": '{"a": -Infinity}',
    "1e999": '{"a": 1e999}',
    "1e-999": '{"a": 1e-999}',
    "many digits": '{"a": ' + "9" * 5000 + "}",
    "repeated key": '{"a": 1, "a": 1}',
    "repeated key inside": '{"a": [{"b": 1, "b": 2}]}',
    "100k lists deep": "[" * 100_000 + "]" * 100_000,
    "100k lists unclosed": "[" * 100_000,
    "40k objects deep": '{"a":' * 40_000 + "1" + "}" * 40_000,
    "33 objects deep": '{"a":' * 33 + "1" + "}" * 33,
    "half a surrogate pair": '{"a": "\\ud800"}',
    "raw control character": '{"a": "\x00"}',
    "byte order mark": "\ufeff{}",
    "form": "a=1&b=2",
    "XML": "<a/>",
}
NOT_AN_OBJECT = ["[]", '"text"', "5", "5.5", "-1e3", "true", "null", "[{}]"]
NOT_UTF8 = [b'{"a": "\xff\xfe"}', b"\xff\xfe{\x00}\x00", b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}', b"\x80" * 64]
BAD_VALUES: list[Any] = [
    *(None, True, False, [], {}, [[]], [None], {"$gt": ""}, {"$where": "1"}),
    *("", " ", "\x00", "a\nb", "\u202e", "\u200b", "x" * 5000, "<script>", "../../etc/passwd", "${jndi:x}", "'; --"),
    *(
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1e5",
        "1e999",
        "1_000",
        "0x10",
        "\u0661",
        "\uff11",
        "+1",
        ".5",
        "5.",
        " 1",
        "1,5",
    ),
    *("0", "-0", "-1", "-0.00000001", "0.0000000000000000001", "9" * 19, "true", "null"),
    *(0, -1, 10**18, 10**30, -(10**30), 0.1234567890123456789, 1.5, -0.5),
    *map(Raw, ("0.0", "-0.0", "-1e-18", "1e63", "1e-63", "-1e63", "1E+17", "0e64")),
]
NO_AMOUNTS: list[Any] = ["0", "-1", "-0.01", "0.0", 0, -1, Raw("-1e-18"), Raw("0.000"), "NaN", "1e999", "", None]
BAD_IDS = [
    *(
        "nothing",
        "0",
        "-1",
        "\x00",
        "..",
        ".",
        "$ne",
        "{}",
        "[]",
        "null",
        "%25",
        "%00",
        "%2F",
        "a/b",
        "a\\b",
        "' or 1=1",
    ),
    *("\U0001f4a5", "\u202e", " ", "x" * 500, "00000000-0000-0000-0000-000000000000", "o-1-1", "o-999999999-1"),
    *("o-99999999999999999999-1", "o--1-1", "o-2", "O-2-1", "*", "?", "#", "demo-wallet-v1\n", "DEMO-WALLET-V1"),
]
BAD_QUERY = [
    *("", " ", "0", "-1", "101", "1.5", "1e2", "NaN", "1e999", "9" * 400, "true", "null", "[]", '{"$gt":""}', "\x00"),
    *("\u202e", "\U0001f4a5", "x" * 600, "2026-13-01T00:00:00Z", "2026-01-01", "0001-01-01T00:00:00+23:59", "../x"),
]
NO_CURSORS = [
    *("", "x", "!", "====", "bnVsbA", "W10", "W1td", "WzFd", "x" * 512, "x" * 513, "[" * 380, "bnVsbA=="),
    *("null", "1", "{}", "[]", "[[]]", "[1]", '["\u0000","x"]', '[null,"x"]', '[{"$gt":""},"x"]', '["1","2","3","4"]'),
    *(
        '["a","b"]',
        '["NaN","x"]',
        '["2026-01-01","x"]',
        '["2026-01-01T00:00:00","x"]',
        '["-1"]',
        '["-1","0"]',
        '["1e3"]',
    ),
    *('["0001-01-01T00:00:00+23:59","x"]', '["9999-12-31T23:59:59-23:59","x"]', '["' + "9" * 30 + '"]'),
]
"""What none of our lists gives out, as it stands and wrapped as our cursors are."""


@cache
def _schema(reference: str) -> Any:
    return Draft202012Validator({"$ref": reference, "components": DOCUMENT["components"]})


def allows(operation: Operation, body: Any) -> bool:
    """Return whether the document's schema allows this body."""
    return bool(_schema(operation.body_schema["$ref"]).is_valid(body))


def refused(operation: Operation, answer: Answer, *codes: str) -> bool:
    """Return whether a response is a documented refusal, and check that it is a complete problem document."""
    assert answer.status in operation.statuses, answer
    assert answer.status < 500, answer
    if answer.status < 400:
        return False
    problem = answer.json
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.headers["x-request-id"] != ""
    assert {"type", "title", "detail", "instance", "code", "hint", "retryable"} <= problem.keys()
    assert f'"{problem["code"]}"' in json.dumps(operation.described["responses"][str(answer.status)])
    assert not codes or problem["code"] in codes, answer
    return True


def test_login_works_for_the_test_user(world: World) -> None:
    """Otherwise the refused logins below would prove nothing. Too many failures block logins for a while."""
    login = next(operation for operation in OPERATIONS if operation.id == "login")
    assert world.call(login, None, body={"email": EMAIL, "password": PASSWORD}).status == 200


@operations(*[operation for operation in OPERATIONS if operation.parameters("query")])
def test_invalid_query_values_are_answered_as_documented(world: World, operation: Operation) -> None:
    """It comes before the tests that make wallets, because lists read every wallet of the user."""
    ids = new_things(TRADER)
    before = world.contents() if operation.method == "GET" else None
    for name, parameter in operation.parameters("query").items():
        for bad in BAD_QUERY:
            answer = world.call_as(operation, query={name: bad}, ids=ids)
            must_refuse = name == "cursor" or not fits(parameter["schema"], bad)
            if refused(operation, answer) or operation.method == "GET":
                assert not must_refuse or answer.status in {404, 422}, (name, bad, answer)
                continue
            assert not must_refuse, (name, bad, answer)
            ids = new_things(TRADER)
    for query in ("limit", "limit=1&limit=2", "%ff=%fe&limit=%ff", "&&&", "=", "a" * 4000, "limit[]=1", "cursor=%00"):
        refused(operation, world.call_as(operation, query=query, ids=ids))
    assert before is None or world.contents() == before


@operations(*WITH_BODY)
def test_body_that_is_not_a_json_object_is_refused(world: World, operation: Operation) -> None:
    before = world.contents()
    absent = {"empty": MALFORMED["empty"]} if operation.body_may_be_absent else {}
    for kind, body in MALFORMED.items() - absent.items():
        answer = world.call_as(operation, body=body)
        assert refused(operation, answer, "MALFORMED_REQUEST", *(["VALIDATION_ERROR"] if kind == "empty" else [])), kind
        assert "Traceback" not in answer.text
    for body in NOT_AN_OBJECT:
        if body == "null" and operation.body_may_be_absent:
            continue
        assert refused(operation, world.call_as(operation, body=body), "VALIDATION_ERROR"), body
    for content in NOT_UTF8:
        body = base64.b64encode(content).decode()
        assert refused(operation, world.call_as(operation, body=body, base64=True), "MALFORMED_REQUEST"), content
    whole = json.dumps(operation.body)
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"):
        answer = world.call_as(operation, body=whole, headers={"content-type": media_type})
        assert refused(operation, answer, "MALFORMED_REQUEST"), media_type
    assert world.contents() == before


@operations(*WITH_BODY)
def test_too_large_body_is_413(world: World, operation: Operation) -> None:
    before = world.contents()
    padded = " " * 1_000_000 + json.dumps(operation.body)
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    for body in (json.dumps({"a": "x" * 1_000_000}), padded, deep, "é" * 200_000):
        assert refused(operation, world.call_as(operation, body=body), "PAYLOAD_TOO_LARGE")
    packed = base64.b64encode(b"\xff" * 1_000_000).decode()
    assert refused(operation, world.call_as(operation, body=packed, base64=True), "PAYLOAD_TOO_LARGE")
    assert world.contents() == before


@operations(*WITH_BODY)
def test_unknown_and_repeated_fields_are_refused(world: World, operation: Operation) -> None:
    before = world.contents()
    for path in objects_in(operation.body):
        if is_open(operation, path):
            continue
        for name in ("surprise", "$set", "__proto__", "user_id", "x" * 1000, "a.b", "\u202e"):
            answer = world.call_as(operation, body=changed(operation.body, (*path, name), 1))
            assert refused(operation, answer, "VALIDATION_ERROR"), (path, name)
            assert "x" * 200 not in answer.text
    for path in objects_in(operation.body):
        for name in at(operation.body, path):
            answer = world.call_as(operation, body=with_repeated_key(operation.body, (*path, name)))
            assert refused(operation, answer, "MALFORMED_REQUEST"), (path, name)
    assert world.contents() == before


@operations(*WITH_BODY)
def test_server_set_fields_cannot_be_set_by_a_body(world: World, operation: Operation) -> None:
    """Try every name that appears in any response but not in the schema of this body, in every object of the body."""
    before = world.contents()
    names = SHOWN_BY_THE_SERVER - set(names_in(operation.body_schema))
    assert {"user_id", "balance", "has_credentials", "created_at"} <= names
    for path in objects_in(operation.body):
        if is_open(operation, path):
            continue
        for some in in_parts(sorted(names), MAX_LISTED):
            body = copy.deepcopy(operation.body)
            at(body, path).update(dict.fromkeys(some, "x"))
            answer = world.call_as(operation, body=body)
            assert refused(operation, answer, "VALIDATION_ERROR"), (path, some)
            found = [(error["code"], error["field"].rpartition(".")[2]) for error in answer.json["errors"]]
            assert sorted(found) == [("extra_forbidden", name) for name in some], path
    assert world.contents() == before


def in_parts(names: list[str], size: int) -> Iterator[list[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def test_no_database_query_evaluates_client_input() -> None:
    """Request values are only used as query values. No query contains a pattern or a program."""
    programs = re.compile(
        r"\$(?:regex|where|function|accumulator|expr|text|jsonSchema)\b|bson\.regex|re\.compile\(.*request"
    )
    sources = [*(ROOT / "layers" / "core" / "moniqo_core").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert len(sources) > 100
    assert [path for path in sources if programs.search(path.read_text(encoding="utf-8"))] == []


@operations(*WITH_BODY)
def test_value_that_the_schema_forbids_is_refused(world: World, operation: Operation) -> None:
    before = world.contents()
    for path, value in wrong_values(operation):
        body = changed(operation.body, path, value)
        if not allows(operation, plain(body)):
            assert refused(operation, world.call_as(operation, body=written(body))), (path, value)
    assert world.contents() == before


@operations(*WITH_BODY)
def test_missing_required_field_is_named(world: World, operation: Operation) -> None:
    before = world.contents()
    for path in objects_in(operation.body):
        for name in at(operation.body, path):
            body = copy.deepcopy(operation.body)
            del at(body, path)[name]
            if allows(operation, body):
                continue
            problem = world.call_as(operation, body=body)
            assert refused(operation, problem, "VALIDATION_ERROR")
            assert any(error["field"].endswith(name) for error in problem.json["errors"]), (path, name)
    assert world.contents() == before


@operations(*[operation for operation in OPERATIONS if operation.parameters("path")])
def test_invalid_id_is_not_found(world: World, operation: Operation) -> None:
    before = world.contents()
    for name in operation.parameters("path"):
        for bad in BAD_IDS:
            if name == "slug" and bad in BAD_VALUES:
                continue  # a slug like any other, and a test here may have given it to a definition
            answer = world.call_as(operation, ids={name: bad})
            assert refused(operation, answer, "NOT_FOUND", "VALIDATION_ERROR"), (name, bad)
    assert world.contents() == before


@operations(*[operation for operation in OPERATIONS if "cursor" in operation.parameters("query")])
def test_invalid_cursor_is_422(world: World, operation: Operation) -> None:
    wrapped = [base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in NO_CURSORS if text]
    for bad in (*NO_CURSORS, *wrapped):
        answer = world.call_as(operation, query={"cursor": bad})
        assert refused(operation, answer, "VALIDATION_ERROR"), bad
        assert [error["field"] for error in answer.json["errors"]] == ["cursor"]


def checked_headers(operation: Operation) -> list[str]:
    """Return the headers that may be invalid. A text that is no tag is one that no answer has."""
    return [name for name in operation.parameters("header") if name != "If-None-Match"]


@operations(*[operation for operation in OPERATIONS if checked_headers(operation)])
def test_invalid_header_is_422(world: World, operation: Operation) -> None:
    before = world.contents()
    for name in checked_headers(operation):
        for bad in ("", " ", "a b", "x" * 65, "\t", "é", "\u202e"):
            answer = world.call_as(operation, headers={name: bad})
            assert refused(operation, answer, "VALIDATION_ERROR"), (name, bad)
    assert world.contents() == before


@pytest.mark.parametrize("kind", ["amount", "quote_amount", "price"])
def test_zero_and_negative_order_amounts_are_refused(world: World, kind: str) -> None:
    place = next(operation for operation in OPERATIONS if operation.id == "place_order")
    before = world.contents()
    order: dict[str, Any] = {"symbol": "BTC/USDT", "side": "buy", "type": "limit" if kind == "price" else "market"}
    order |= {"amount": "0.01"} if kind == "price" else {}
    for amount in NO_AMOUNTS:
        answer = world.call_as(place, body=written(order | {kind: amount}))
        assert refused(place, answer, "VALIDATION_ERROR", "INVALID_ORDER"), amount
    assert world.contents() == before


# The next two make a wallet for each operation. They come last, so that the tests above compare a small database.
@operations(*WITH_BODY)
def test_unusual_value_that_the_schema_allows_is_answered_as_documented(world: World, operation: Operation) -> None:
    ids = new_things(TRADER)
    for path, value in wrong_values(operation):
        body = changed(operation.body, path, value)
        if allows(operation, plain(body)):
            refused(operation, world.call_as(operation, body=written(body), ids=ids))


def wrong_values(operation: Operation) -> Iterator[tuple[Path, Any]]:
    """Every field of the example and every other field of the body, with every wrong value."""
    fields = [path for path in paths_in(operation.body) if path]
    fields += [(name,) for name in properties_of(operation) if name not in operation.body]
    for path in fields:
        for value in BAD_VALUES:
            yield path, value


def properties_of(operation: Operation) -> dict[str, Any]:
    name = operation.body_schema["$ref"].rpartition("/")[2]
    properties: dict[str, Any] = DOCUMENT["components"]["schemas"][name]["properties"]
    return properties


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where everything in a document is, the document itself first."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths_in(inner, (*path, name))
    if isinstance(value, list) and value:
        yield from paths_in(value[0], (*path, 0))


def objects_in(document: Any) -> list[Path]:
    return [path for path in paths_in(document) if isinstance(at(document, path), dict)]


def is_open(operation: Operation, path: Path) -> bool:
    """Return whether the schema allows any name in this object. Credentials are checked against their definition."""
    return allows(operation, changed(operation.body, (*path, "surprise"), "1"))


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def changed(document: Any, path: Path, value: Any) -> Any:
    """Copy a document with one value replaced or added."""
    copied = copy.deepcopy(document)
    at(copied, path[:-1])[path[-1]] = value
    return copied


def written(document: Any) -> str:
    """Write JSON. ``Raw`` values are written as they are."""
    texts: list[str] = []

    def mark(value: Any) -> Any:
        if isinstance(value, Raw):
            texts.append(value)
            return f"\ue000{len(texts) - 1}\ue001"
        if isinstance(value, dict):
            return {name: mark(inner) for name, inner in value.items()}
        return [mark(inner) for inner in value] if isinstance(value, list) else value

    text = json.dumps(mark(document), ensure_ascii=False)
    for number, raw in enumerate(texts):
        text = text.replace(f'"\ue000{number}\ue001"', raw)
    return text


def plain(document: Any) -> Any:
    return json.loads(written(document))


def with_repeated_key(document: Any, path: Path) -> str:
    """Write JSON that contains one key twice with the same value."""
    marked = changed(document, path, "\ue002")
    key, value = json.dumps(path[-1]), json.dumps(at(document, path))
    return json.dumps(marked, ensure_ascii=False).replace('"\ue002"', f"{value}, {key}: {value}")


def fits(schema: dict[str, Any], text: str) -> bool:
    """Return whether the text of a query parameter is a valid value of its schema."""
    options = schema.get("anyOf", [schema])
    values: list[Any] = [text]
    if any(option.get("type") == "integer" for option in options):
        values = [int(text)] if text.isascii() and text.isdigit() and len(text) < 20 else []
    elif any(option.get("type") == "boolean" for option in options):
        values = [True] if text in {"true", "1", "0"} else []
    components = {"components": DOCUMENT["components"]}
    validator = Draft202012Validator({**schema, **components})
    return any(bool(validator.is_valid(value)) for value in values)
