"""Values that let generated cases get past the first refusal: existing ids, valid values and permitted callers.

All randomness comes from a generator that the seed of the run starts, so a seed repeats the choices of a run.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from random import Random
from typing import Any

from schemathesis import Case

from moniqo_core.storage.wallets.definition_seeds import SEEDS
from tests.support.api import EMAIL, PASSWORD, Operation, new_definition, new_things
from tests.support.lambdas import ADMIN, STRANGER, User, invoke

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
SEEDED = {seed.slug for seed in SEEDS}
"""Definitions that wallets are made of: an admin who took them away would end the run."""
SERVES = 40
"""How many cases things serve before new ones are made."""
ENDING = {"delete_wallet", "suspend_wallet"}


BEFORE = {"resume_wallet": ("pause", None), "reinstate_wallet": ("suspend", {"reason": "fuzzed"})}
"""What has to have happened to a wallet before an operation can be successful: the last part of a path, a body."""


class KnownValues:
    """A user with a wallet that has traded, an open order, a definition, a refresh token, and cursors of lists."""

    def __init__(self) -> None:
        self._left = 0
        self.user = ADMIN
        self.ids: dict[str, str] = {}
        self._cursors: dict[str, str] = {}
        answer = invoke("login", "POST", "/auth/login", body={"email": EMAIL, "password": PASSWORD})
        self._secrets = {"email": EMAIL, "password": PASSWORD, "refresh_token": answer.json["refresh_token"]}

    def refill(self, operation: Operation) -> None:
        """Create a user with a wallet, an order and a definition when the last ones are used up."""
        if self._left <= 0:
            self.user = User(str(uuid.uuid4()))
            self.ids = new_things(self.user)
            self._left = SERVES
        self._left -= 1
        if operation.id in BEFORE:
            action, body = BEFORE[operation.id]
            user = ADMIN if action == "suspend" else self.user
            path = f"/wallets/{self.ids['user_wallet_id']}/{action}"
            invoke(f"{action}_wallet", "POST", path, user=user, body=body or {})

    def learn(self, operation: Operation, status: int, document: Any) -> None:
        """Learn from a response: forget a deleted resource, and remember the cursor of the next page."""
        if operation.id in ENDING and status in range(200, 300):
            self._left = 0
        if operation.id == "delete_definition" and status == HTTPStatus.NO_CONTENT:
            self.ids["slug"] = new_definition()
        if isinstance(document, dict) and document.get("next_cursor"):
            self._cursors[operation.id] = document["next_cursor"]

    def choose_caller(self, operation: Operation, chance: Random) -> User | None:
        """Choose the caller: mostly one with permission, sometimes another user, sometimes none."""
        if operation.is_public or chance.random() < 0.05:
            return None
        if chance.random() < 0.05:
            return STRANGER
        return ADMIN if operation.is_for_admins else self.user

    def insert(self, case: Case[Any], operation: Operation, chance: Random) -> None:
        """Replace some generated values with known ones."""
        for name in operation.parameters("path"):
            if chance.random() < 0.8 or case.path_parameters[name] in SEEDED:
                case.path_parameters[name] = self.ids[name]
        for name, value in self._query(operation).items():
            if chance.random() < (0.7 if name in case.query else 0.3):
                case.query[name] = value
        if operation.body is not None and isinstance(case.body, dict) and chance.random() < 0.8:
            case.body = self._mixed(case.body, operation, chance)

    def _mixed(self, body: dict[str, Any], operation: Operation, chance: Random) -> dict[str, Any]:
        """Mix a generated body with a valid one: a few valid values, or all but one."""
        works = self._body(operation)
        if body and chance.random() < 0.4:
            name = chance.choice(sorted(body))
            return {**works, name: body[name]}
        share = chance.random()
        return {**body, **{name: value for name, value in works.items() if chance.random() < share}}

    def _query(self, operation: Operation) -> dict[str, Any]:
        wanted = operation.parameters("query")
        known = {"user_wallet_id": self.ids["user_wallet_id"], "symbol": SYMBOLS[0]}
        if operation.id in self._cursors:
            known["cursor"] = self._cursors[operation.id]
        return {name: value for name, value in known.items() if name in wanted}

    def _body(self, operation: Operation) -> dict[str, Any]:
        example = {**operation.body, **{name: self._secrets[name] for name in operation.body if name in self._secrets}}
        if operation.id == "create_definition":
            example["slug"] = f"acme-{uuid.uuid4()}"
        if "client_order_id" in example:
            example["client_order_id"] = str(uuid.uuid4())
        return example
