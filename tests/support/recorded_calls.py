"""Requests as recordings describe them, and a comparison of answers that allows for new members and new wording."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.api import OPERATIONS, Operation
from tests.support.lambdas import User, invoke

Document = dict[str, Any]

BASE = "/api/v1"
REWORDED = frozenset({"title", "detail", "hint", "message"})
"""Members of an answer that are for people to read."""
OF_THE_MOMENT = frozenset({"request_id", "base_url"})
"""Members that differ with every request, or with the port a fake venue got."""


def request(
    method: str,
    path: str,
    user: User | None,
    *,
    body: object = None,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Document:
    """Describe a request as it is recorded."""
    caller = None if user is None else {"id": user.id, "groups": list(user.groups)}
    sent = {"method": method, "path": path, "user": caller, "body": body, "query": query, "headers": headers}
    return {name: value for name, value in sent.items() if value is not None}


def send(asked: Document) -> Document:
    """Send a described request to its function and return the answer as it is recorded."""
    caller = asked.get("user")
    answer = invoke(
        _operation(asked["method"], asked["path"]).id,
        asked["method"],
        asked["path"],
        user=None if caller is None else User(caller["id"], tuple(caller["groups"])),
        body=asked.get("body"),
        query=asked.get("query"),
        headers=asked.get("headers"),
    )
    is_json = "json" in answer.headers.get("content-type", "")
    return {
        "status": answer.status,
        "replayed": "idempotent-replayed" in answer.headers,
        "body": answer.json if is_json else answer.text,
    }


def send_for_all(asked: Document) -> Document:
    """Send a request, and where the answer is a page the following ones: all items in one answer."""
    answer = send(asked)
    cursor = _next(answer)
    while cursor is not None:
        page = send({**asked, "query": {**asked.get("query", {}), "cursor": cursor}})
        answer["body"]["items"] += page["body"]["items"]
        cursor = _next(page)
    if _is_page(answer):
        answer["body"]["next_cursor"] = None
    return answer


def _is_page(answer: Document) -> bool:
    return isinstance(answer["body"], dict) and "next_cursor" in answer["body"]


def _next(answer: Document) -> str | None:
    return answer["body"]["next_cursor"] if _is_page(answer) else None


def _operation(method: str, path: str) -> Operation:
    fitting = [one for one in OPERATIONS if one.method == method and _fits(one.path, path)]
    return min(fitting, key=lambda one: one.path.count("{"))


def _fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


def differences(recorded: object, present: object, place: str = "") -> list[str]:
    """Say where an answer is not as recorded. A later release may add members, and texts for people may change."""
    return list(_differences(recorded, present, place))


def _differences(recorded: object, present: object, place: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(present, dict):
        for name in recorded.keys() - REWORDED - OF_THE_MOMENT:
            if name not in present:
                yield f"{place}.{name} is missing"
            else:
                yield from _differences(recorded[name], present[name], f"{place}.{name}")
    elif isinstance(recorded, list) and isinstance(present, list):
        if len(recorded) != len(present):
            yield f"{place} has {len(present)} items instead of {len(recorded)}"
        for number, (one, other) in enumerate(zip(recorded, present, strict=False)):
            yield from _differences(one, other, f"{place}[{number}]")
    elif recorded != present or type(recorded) is not type(present):
        yield f"{place}: recorded {recorded!r:.200}, now {present!r:.200}"


def unequal(recorded: Sequence[Document]) -> list[str]:
    """Ask every recorded question again and say which answers are not as recorded."""
    found: list[str] = []
    for item in recorded:
        asked = item["request"]
        place = f"{asked['method']} {asked['path']} {asked.get('query') or asked.get('body') or ''}"
        found += differences(item["answer"], send_for_all(asked), place)
    return found
