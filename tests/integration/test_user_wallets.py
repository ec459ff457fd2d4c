"""Connecting, reading, changing and deleting wallets, through the real handlers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Invoke
from tests.support.round_trips import round_trips
from tests.support.wallets import DEMO, LIMITS, aws, create, new_wallet

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

SECRET_FIELDS = [
    {"field_name": "initial_balance_usd", "display_label": "Balance", "is_required": False, "is_encrypted": False},
    {"field_name": "api_key", "display_label": "Key", "is_required": True, "validation_regex": "canary-[a-z-]+"},
    {"field_name": "api_secret", "display_label": "Secret", "field_type": "password", "is_required": False},
]
SECRETS = {"initial_balance_usd": 500, "api_key": "canary-key", "api_secret": "canary secret ✓"}


@pytest.fixture
def with_secrets(seeded: Database, run: Run) -> Database:
    """The demo definition, extended to require secrets as a venue's definition does."""
    fields = [{"is_encrypted": True, **field} for field in SECRET_FIELDS]
    run(seeded.wallets.update_one({"slug": DEMO}, {"$set": {"required_credentials": fields}}))
    return seeded


def stored(run: Run, db: Database, user_wallet_id: str) -> dict[str, Any]:
    document = run(db.user_wallets.find_one({"_id": user_wallet_id}))
    assert document is not None
    return document


def test_create_returns_the_wallet(invoke: Invoke) -> None:
    wallet = create(invoke, description="paper", color="#2F80ED", icon="rocket")

    assert wallet["user_id"] == TRADER.id
    assert (wallet["wallet_slug"], wallet["custom_name"]) == (DEMO, "My First Demo Wallet")
    assert (wallet["status"], wallet["is_active"], wallet["mode"]) == ("active", True, "paper")
    assert wallet["has_credentials"] is True
    assert wallet["connection"]["is_connected"] is True
    assert wallet["risk_limits"]["max_position_size_usd"] == "1000"
    assert wallet["risk_limits"]["timezone"] == "UTC"
    cash = {"asset": "USDT", "free": "10000", "locked": "0", "total": "10000", "value_usd": "10000"}
    assert wallet["balance"] == {
        "last_synced_at": wallet["balance"]["last_synced_at"],
        "partial": False,
        "assets": [cash],
        "total_value_usd": "10000",
        "unpriced_assets": [],
        "total_pnl": {"realized": "0", "unrealized": "0", "total": "0"},
    }
    assert not {"credentials", "settings", "request_hash", "deleted_at"} & wallet.keys()


def test_create_accepts_the_id_of_a_definition(invoke: Invoke) -> None:
    first = create(invoke)

    assert create(invoke, wallet_id=first["wallet_id"])["wallet_slug"] == DEMO


def test_create_opens_the_account_with_the_starting_balance(invoke: Invoke, seeded: Database, run: Run) -> None:
    wallet = create(invoke, credentials={"initial_balance_usd": 2500.5})

    state = run(seeded.demo_wallet_state.find_one({"_id": wallet["id"]}))

    assert state is not None
    assert "2500.5" in str(state["balances"])


def test_starting_balance_defaults_to_10000(invoke: Invoke, seeded: Database, run: Run) -> None:
    wallet = create(invoke, credentials={})

    assert stored(run, seeded, wallet["id"])["settings"] == {"initial_balance_usd": "10000"}


@pytest.mark.parametrize(
    "balance",
    ["0", "-1", "0.00001", "1e3", "NaN", "ten", "1_000", "\u0661\u0660", "1000000000001", 0, -5, True, None, ["1"]],
)
def test_create_refuses_an_invalid_starting_balance(
    invoke: Invoke, seeded: Database, run: Run, balance: object
) -> None:
    answer = invoke(
        "create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(credentials={"initial_balance_usd": balance})
    )

    assert answer.status == 422
    assert answer.json["code"] in {"INVALID_CREDENTIALS", "VALIDATION_ERROR"}
    assert answer.json["errors"][0]["field"].startswith("credentials")
    assert run(seeded.user_wallets.count_documents({})) == 0
    assert run(seeded.demo_wallet_ledger.count_documents({})) == 0


@pytest.mark.parametrize("balance", ["0.0001", "1000000000000", "10000.1234", 1])
def test_create_accepts_valid_starting_balances(invoke: Invoke, balance: object) -> None:
    create(invoke, credentials={"initial_balance_usd": balance})


def test_inactive_definition_cannot_be_connected(invoke: Invoke) -> None:
    path = f"/wallets/definitions/{DEMO}"
    done = invoke("update_definition", "PATCH", path, user=ADMIN, body={"is_active": False})
    assert done.status == 200, done.text
    answer = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet())
    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert [error["field"] for error in answer.json["errors"]] == ["wallet_id"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"wallet_id": "nothing"}, "wallet_id"),
        ({"custom_name": " "}, "custom_name"),
        ({"custom_name": "x" * 101}, "custom_name"),
        ({"color": "red"}, "color"),
        ({"unknown": 1}, "unknown"),
        ({"risk_limits": {**LIMITS, "max_open_positions": 0}}, "risk_limits.max_open_positions"),
        ({"risk_limits": {**LIMITS, "max_open_positions": 101}}, "risk_limits.max_open_positions"),
        ({"risk_limits": {**LIMITS, "max_position_size_usd": -1}}, "risk_limits.max_position_size_usd"),
        ({"risk_limits": {**LIMITS, "daily_loss_limit_usd": None}}, "risk_limits"),
        ({"risk_limits": {**LIMITS, "timezone": "Mars/Base"}}, "risk_limits.timezone"),
        ({"risk_limits": {**LIMITS, "timezone": "../etc/passwd"}}, "risk_limits.timezone"),
        *(
            ({"risk_limits": {**LIMITS, "timezone": zone}}, "risk_limits.timezone")
            for zone in ("localtime", "posixrules", "Factory", "right/Europe/Berlin", "right/UTC", "posix/UTC")
        ),
        ({"risk_limits": {**LIMITS, "allowed_symbols": ["nonsense"]}}, "risk_limits.allowed_symbols.0"),
        ({"risk_limits": {}}, "risk_limits.max_position_size_usd"),
    ],
)
def test_create_refuses_invalid_fields(invoke: Invoke, change: dict[str, object], field: str) -> None:
    answer = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(**change))

    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert field in [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize(
    ("credentials", "field", "code"),
    [
        ({}, "credentials.api_key", "missing"),
        ({"api_key": ""}, "credentials.api_key", "missing"),
        ({"api_key": "CANARY"}, "credentials.api_key", "invalid"),
        ({"api_key": "canary-key\n"}, "credentials.api_key", "invalid"),
        ({"api_key": "canary-" + "a" * 2000}, "credentials.api_key", "invalid"),
        ({"api_key": "canary-key", "api_secret": "x" * 9000}, "credentials.api_secret", "invalid"),
        ({"api_key": "canary-key", "passphrase": "canary"}, "credentials.passphrase", "unknown"),
        ({"api_key": "canary-key", "canary pasted here": "x"}, "credentials", "unknown"),
    ],
)
@pytest.mark.usefixtures("with_secrets")
def test_invalid_credentials_are_named_and_never_echoed(
    invoke: Invoke, credentials: dict[str, str], field: str, code: str
) -> None:
    answer = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(credentials=credentials))

    assert (answer.status, answer.json["code"]) == (422, "INVALID_CREDENTIALS")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [(field, code)]
    assert "canary" not in answer.text.lower()


def test_secrets_are_encrypted_and_settings_are_not(invoke: Invoke, with_secrets: Database, run: Run) -> None:
    wallet = create(invoke, credentials=SECRETS)

    document = stored(run, with_secrets, wallet["id"])

    assert document["credentials"].startswith("v1:")
    assert document["settings"] == {"initial_balance_usd": "500"}
    assert "canary" not in str(document)


def test_credentials_appear_in_no_response_log_or_document(
    invoke: Invoke, with_secrets: Database, run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    wallet = create(invoke, credentials=SECRETS, headers={"Idempotency-Key": "k"})
    path = f"/wallets/{wallet['id']}"
    again = new_wallet(credentials=SECRETS)
    other = new_wallet(credentials={**SECRETS, "api_secret": "canary other"})
    answers = [
        invoke("create_wallet", "POST", "/wallets", user=TRADER, body=again, headers={"Idempotency-Key": "k"}),
        invoke("create_wallet", "POST", "/wallets", user=TRADER, body=other, headers={"Idempotency-Key": "k"}),
        invoke("get_wallet", "GET", path, user=TRADER),
        invoke("list_wallets", "GET", "/wallets", user=TRADER),
        invoke("update_wallet", "PATCH", path, user=TRADER, body={"custom_name": "Other"}),
        invoke("test_connection", "POST", f"{path}/test-connection", user=TRADER),
        invoke("sync_balance", "POST", f"{path}/sync-balance", user=TRADER),
        invoke("get_sync_log", "GET", f"{path}/sync-log", user=TRADER),
        invoke(
            "replace_credentials",
            "PUT",
            f"{path}/credentials",
            user=TRADER,
            body={"credentials": {"api_key": "canary-new"}},
        ),
        invoke(
            "replace_credentials",
            "PUT",
            f"{path}/credentials",
            user=TRADER,
            body={"credentials": {"api_key": "CANARY"}},
        ),
        invoke("replace_credentials", "PUT", f"{path}/credentials", user=TRADER, body={"credentials": "canary"}),
        invoke(
            "replace_credentials", "PUT", f"{path}/credentials", user=TRADER, body='{"credentials": {"canary": NaN}}'
        ),
        invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(credentials={"canary": ["canary"]})),
    ]
    kid = stored(run, with_secrets, wallet["id"])["credentials"].split(":")[1]

    written = "".join(f"{answer.text}{answer.headers}" for answer in answers) + "".join(capfd.readouterr())

    assert [answer.status for answer in answers] == [200, 422, *[200] * 7, 422, 422, 400, 422]
    for secret in ("canary", "gAAAA", kid):
        assert secret not in written.lower() if secret == "canary" else secret not in written
    for collection in run(with_secrets.list_collection_names()):
        documents = run(with_secrets[collection].find().to_list())
        if collection != "wallets":
            assert "canary" not in str(documents).lower()


def test_ciphertext_of_another_wallet_does_not_open(invoke: Invoke, with_secrets: Database, run: Run) -> None:
    one, other = (create(invoke, credentials=SECRETS) for _ in range(2))
    foreign = stored(run, with_secrets, one["id"])["credentials"]
    run(with_secrets.user_wallets.update_one({"_id": other["id"]}, {"$set": {"credentials": foreign}}))

    answer = invoke("test_connection", "POST", f"/wallets/{other['id']}/test-connection", user=TRADER)

    assert (answer.status, answer.json["success"]) == (200, False)
    assert answer.json["error_message"] == "Invalid credentials"


class TestIdempotency:
    def test_same_key_and_body_return_the_same_wallet(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        headers = {"Idempotency-Key": "create-1"}
        first = create(invoke, headers=headers)

        again = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(), headers=headers)

        assert (again.status, again.json) == (200, first)
        assert again.headers["idempotent-replayed"] == "true"
        assert run(seeded.user_wallets.count_documents({})) == 1

    def test_another_body_under_the_same_key_is_refused(self, invoke: Invoke) -> None:
        headers = {"Idempotency-Key": "create-1"}
        create(invoke, headers=headers)

        again = invoke(
            "create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(custom_name="Other"), headers=headers
        )

        assert (again.status, again.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")

    def test_other_secrets_count_as_another_body(self, invoke: Invoke, with_secrets: Database) -> None:
        headers = {"Idempotency-Key": "create-1"}
        create(invoke, headers=headers, credentials=SECRETS)
        body = new_wallet(credentials={**SECRETS, "api_secret": "other"})

        again = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=body, headers=headers)

        assert (again.status, again.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")

    def test_idempotency_key_belongs_to_its_user(self, invoke: Invoke) -> None:
        headers = {"Idempotency-Key": "create-1"}

        assert create(invoke, headers=headers)["id"] != create(invoke, headers=headers, user=STRANGER)["id"]

    def test_idempotency_key_of_a_deleted_wallet_conflicts(self, invoke: Invoke) -> None:
        headers = {"Idempotency-Key": "create-1"}
        wallet = create(invoke, headers=headers)
        invoke("delete_wallet", "DELETE", f"/wallets/{wallet['id']}", user=TRADER)

        again = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(), headers=headers)

        assert (again.status, again.json["code"]) == (409, "CONFLICT")

    @pytest.mark.parametrize("key", ["", "x" * 65, "two words", "schlüssel"])
    def test_invalid_idempotency_key_is_422(self, invoke: Invoke, key: str) -> None:
        answer = invoke(
            "create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(), headers={"Idempotency-Key": key}
        )

        assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")


class TestReading:
    def test_get_reads_the_wallet_and_its_journal(self, invoke: Invoke) -> None:
        wallet = create(invoke)

        with round_trips() as commands:
            answer = invoke("get_wallet", "GET", f"/wallets/{wallet['id']}", user=TRADER)

        assert answer.json == wallet
        assert commands == ["find", "aggregate"]

    def test_list_reads_the_wallets_and_all_their_journals_and_shows_only_own_wallets(self, invoke: Invoke) -> None:
        mine = [create(invoke, custom_name=f"Wallet {number}") for number in range(3)]
        create(invoke, user=STRANGER)

        with round_trips() as commands:
            answer = invoke("list_wallets", "GET", "/wallets", user=TRADER)

        assert answer.json == {"items": list(reversed(mine)), "next_cursor": None}
        assert commands == ["find", "aggregate"]

    @pytest.mark.parametrize(
        ("field", "value", "free"),
        [
            ("balances", {"USDT": ["7", "0"]}, "7"),  # the journal has another amount than the last sync
            ("balances", {"USDT": ["x", "0"]}, "10000"),  # the account cannot be read
            ("deleted", True, "10000"),
        ],
    )
    def test_wallet_shows_what_its_account_holds_or_else_the_last_sync(
        self, invoke: Invoke, seeded: Database, run: Run, field: str, value: object, free: str
    ) -> None:
        changed, other = create(invoke), create(invoke)
        run(seeded.demo_wallet_state.update_one({"_id": changed["id"]}, {"$set": {field: value}}))

        shown = invoke("get_wallet", "GET", f"/wallets/{changed['id']}", user=TRADER).json
        listed = invoke("list_wallets", "GET", "/wallets", user=TRADER).json["items"]

        assert shown["balance"]["assets"][0]["free"] == free
        assert listed == [other, shown]

    def test_pages_neither_skip_nor_repeat(self, invoke: Invoke) -> None:
        expected = [create(invoke, custom_name=f"Wallet {number}")["id"] for number in range(7)][::-1]
        seen: list[str] = []
        query: dict[str, object] = {"limit": 3}
        while True:
            page = invoke("list_wallets", "GET", "/wallets", user=TRADER, query=query).json
            seen += [wallet["id"] for wallet in page["items"]]
            create(invoke, custom_name="Newer")
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]

        assert seen == expected

    @pytest.mark.parametrize("cursor", ["nonsense", "WyJhIl0", "WyJhIiwiYiJd", "WyIyMDI2LTAxLTAxIiwiYiJd", "bnVsbA"])
    def test_invalid_cursor_is_422(self, invoke: Invoke, cursor: str) -> None:
        wallet = create(invoke)
        for function, path in (("list_wallets", "/wallets"), ("get_sync_log", f"/wallets/{wallet['id']}/sync-log")):
            answer = invoke(function, "GET", path, user=TRADER, query={"cursor": cursor})
            assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")

    def test_list_filters_select_wallets(self, invoke: Invoke) -> None:
        paused, active = create(invoke), create(invoke)
        invoke("pause_wallet", "POST", f"/wallets/{paused['id']}/pause", user=TRADER, body={})

        def ids(**query: object) -> list[str]:
            page = invoke("list_wallets", "GET", "/wallets", user=TRADER, query=query).json
            return [wallet["id"] for wallet in page["items"]]

        assert ids(is_active="true") == ids(status="active") == [active["id"]]
        assert ids(is_active="false") == ids(status="paused") == [paused["id"]]
        assert ids(is_active="false", status="active") == []
        assert ids(wallet_id=active["wallet_id"]) == [active["id"], paused["id"]]
        assert ids(wallet_id="other") == []

    def test_unknown_status_filter_is_422(self, invoke: Invoke) -> None:
        assert invoke("list_wallets", "GET", "/wallets", user=TRADER, query={"status": "happy"}).status == 422


class TestUpdate:
    def test_update_changes_only_sent_fields(self, invoke: Invoke) -> None:
        wallet = create(invoke, description="old", color="#000000")

        answer = invoke(
            "update_wallet",
            "PATCH",
            f"/wallets/{wallet['id']}",
            user=TRADER,
            body={"custom_name": "New", "color": None},
        )

        after = invoke("get_wallet", "GET", f"/wallets/{wallet['id']}", user=TRADER).json
        assert (answer.status, answer.json) == (200, after)
        assert (after["custom_name"], after["description"], after["color"]) == ("New", "old", None)
        assert after["updated_at"] >= wallet["updated_at"]

    def test_risk_limits_can_be_changed_individually(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallet = create(invoke)
        body = {
            "risk_limits": {"max_position_size_usd": "250", "daily_loss_limit_percent": 5, "daily_loss_limit_usd": None}
        }

        answer = invoke("update_wallet", "PATCH", f"/wallets/{wallet['id']}", user=TRADER, body=body)

        limits = wallet["risk_limits"] | {
            "max_position_size_usd": "250",
            "daily_loss_limit_percent": "5",
            "daily_loss_limit_usd": None,
        }
        assert (answer.status, answer.json["risk_limits"]) == (200, limits)
        assert invoke("get_wallet", "GET", f"/wallets/{wallet['id']}", user=TRADER).json == answer.json
        assert run(seeded.demo_wallet_ledger.count_documents({"user_wallet_id": wallet["id"]})) == 2

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"custom_name": None},
            {"risk_limits": None},
            {"status": "active"},
            {"credentials": {"initial_balance_usd": "1"}},
            {"risk_limits": {"max_open_positions": None}},
            {"risk_limits": {"daily_loss_limit_usd": None}},
            {"risk_limits": {"surprise": 1}},
        ],
    )
    def test_update_refuses_invalid_fields(self, invoke: Invoke, body: dict[str, object]) -> None:
        wallet = create(invoke)

        answer = invoke("update_wallet", "PATCH", f"/wallets/{wallet['id']}", user=TRADER, body=body)

        assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
        assert invoke("get_wallet", "GET", f"/wallets/{wallet['id']}", user=TRADER).json == wallet


class TestCredentials:
    def path(self, wallet: dict[str, Any]) -> str:
        return f"/wallets/{wallet['id']}/credentials"

    def test_replace_overwrites_all_secrets_and_keeps_settings(
        self, invoke: Invoke, with_secrets: Database, run: Run
    ) -> None:
        wallet = create(invoke, credentials=SECRETS)
        before = stored(run, with_secrets, wallet["id"])

        answer = invoke(
            "replace_credentials",
            "PUT",
            self.path(wallet),
            user=TRADER,
            body={"credentials": {"api_key": "canary-new"}},
        )

        after = stored(run, with_secrets, wallet["id"])
        assert answer.status == 200
        assert after["credentials"] != before["credentials"]
        assert after["credentials_version"] == before["credentials_version"] + 1
        assert after["settings"] == before["settings"]

    def test_starting_balance_of_an_open_account_cannot_change(
        self, invoke: Invoke, seeded: Database, run: Run
    ) -> None:
        wallet = create(invoke)

        same = {"credentials": {"initial_balance_usd": "10000.0"}}
        other = {"credentials": {"initial_balance_usd": "20000"}}

        assert invoke("replace_credentials", "PUT", self.path(wallet), user=TRADER, body=same).status == 200
        refused = invoke("replace_credentials", "PUT", self.path(wallet), user=TRADER, body=other)
        assert (refused.status, refused.json["code"]) == (409, "CONFLICT")
        assert stored(run, seeded, wallet["id"])["settings"] == {"initial_balance_usd": "10000"}

    def test_one_of_two_concurrent_replacements_is_refused(
        self, invoke: Invoke, with_secrets: Database, run: Run
    ) -> None:
        from moniqo_core.domain.errors import ConflictError
        from moniqo_core.storage.user_wallets.store import UserWalletStore

        wallet = create(invoke, credentials=SECRETS)
        store = UserWalletStore(with_secrets)
        read = run(store.get(TRADER.id, wallet["id"]))
        run(store.replace_credentials(read, "v1:first:x", {}))

        with pytest.raises(ConflictError):
            run(store.replace_credentials(read, "v1:second:x", {}))

        assert stored(run, with_secrets, wallet["id"])["credentials"] == "v1:first:x"


class TestDelete:
    def test_delete_is_soft_and_final(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallet = create(invoke)
        path = f"/wallets/{wallet['id']}"

        assert invoke("delete_wallet", "DELETE", path, user=TRADER).status == 204

        assert invoke("get_wallet", "GET", path, user=TRADER).status == 404
        assert invoke("delete_wallet", "DELETE", path, user=TRADER).status == 404
        assert invoke("list_wallets", "GET", "/wallets", user=TRADER).json["items"] == []
        assert stored(run, seeded, wallet["id"])["deleted_at"] is not None
        assert run(seeded.demo_wallet_ledger.count_documents({"user_wallet_id": wallet["id"]})) == 2

    @pytest.mark.parametrize("order_type", ["market", "limit"])
    def test_delete_is_refused_while_in_use_unless_forced(self, invoke: Invoke, run: Run, order_type: str) -> None:
        wallet = create(invoke)
        path = f"/wallets/{wallet['id']}"
        run(_place(wallet["id"], order_type))

        refused = invoke("delete_wallet", "DELETE", path, user=TRADER)
        assert (refused.status, refused.json["code"]) == (409, "WALLET_IN_USE")
        assert invoke("get_wallet", "GET", path, user=TRADER).status == 200

        assert invoke("delete_wallet", "DELETE", path, user=TRADER, query={"force": "true"}).status == 204
        assert invoke("get_wallet", "GET", path, user=TRADER).status == 404


async def _place(user_wallet_id: str, order_type: str) -> None:
    from moniqo_core import bootstrap
    from moniqo_core.domain.orders.order import OrderSide, OrderType

    wallet = await bootstrap.wallets().connect(TRADER.id, user_wallet_id)
    price = Decimal(30000) if order_type == "limit" else None
    await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType(order_type), Decimal("0.01"), price)


OWNER_ROUTES: list[tuple[str, str, str, object]] = [
    ("get_wallet", "GET", "", None),
    ("update_wallet", "PATCH", "", {"custom_name": "Mine now"}),
    ("delete_wallet", "DELETE", "", None),
    ("replace_credentials", "PUT", "/credentials", {"credentials": {}}),
    ("test_connection", "POST", "/test-connection", None),
    ("sync_balance", "POST", "/sync-balance", None),
    ("get_sync_log", "GET", "/sync-log", None),
    ("pause_wallet", "POST", "/pause", {}),
    ("resume_wallet", "POST", "/resume", {"confirm": True}),
]


@pytest.mark.parametrize(("function", "method", "suffix", "body"), OWNER_ROUTES)
def test_wallets_of_other_users_are_404(
    invoke: Invoke, seeded: Database, run: Run, function: str, method: str, suffix: str, body: object
) -> None:
    wallet = create(invoke)
    before = stored(run, seeded, wallet["id"])

    for user, wallet_id in ((STRANGER, wallet["id"]), (ADMIN, wallet["id"]), (TRADER, "no-such-id"), (TRADER, "%00")):
        answer = invoke(function, method, f"/wallets/{wallet_id}{suffix}", user=user, body=body)
        assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")

    assert stored(run, seeded, wallet["id"]) == before


@pytest.mark.parametrize("missing", [["user_wallets"], ["demo_wallet_state", "user_wallets"]])
def test_interrupted_create_is_finished_by_its_repeat(
    invoke: Invoke, seeded: Database, run: Run, missing: list[str]
) -> None:
    headers = {"Idempotency-Key": "create-1"}
    first = create(invoke, headers=headers)
    for collection in missing:
        run(seeded[collection].delete_one({"_id": first["id"]}))

    other = new_wallet(custom_name="Other")
    refused = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=other, headers=headers)
    assert (refused.status, refused.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")

    again = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=new_wallet(), headers=headers)

    assert (again.status, again.json["id"]) == (200, first["id"])
    assert invoke("get_wallet", "GET", f"/wallets/{first['id']}", user=TRADER).json == again.json
    synced = invoke("sync_balance", "POST", f"/wallets/{first['id']}/sync-balance", user=TRADER).json
    assert synced["balance"]["total_value_usd"] == "10000"


@pytest.mark.parametrize("keys", [1, 2])
def test_concurrent_repeats_of_a_create_make_one_wallet(seeded: Database, run: Run, keys: int) -> None:
    import asyncio

    from moniqo_core import bootstrap
    from moniqo_core.http.schemas.wallets.requests import CreateWalletRequest

    request = CreateWalletRequest.model_validate(
        new_wallet(risk_limits={**LIMITS, "stop_loss_default_percent": "2", "take_profit_default_percent": "5"})
    )

    async def many() -> list[Any]:
        service = bootstrap.wallet_creation()
        return await asyncio.gather(
            *(service.create(TRADER.id, request.to_new_wallet(), f"key-{number % keys}") for number in range(20))
        )

    created = run(many())

    assert len({made.wallet.id for made in created}) == keys
    assert sum(not made.replayed for made in created) == keys
    assert run(seeded.user_wallets.count_documents({})) == keys
    assert run(seeded.demo_wallet_ledger.count_documents({})) == keys
