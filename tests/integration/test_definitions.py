"""The catalogue of wallet definitions, through the real handlers."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.storage.wallets.definition_seeds import SEEDS, seed_definitions
from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, TRADER, Invoke

PATH = "/wallets/definitions"
EXCHANGES = [seed.slug for seed in SEEDS if seed.api_config is not None]
NEW: dict[str, Any] = {
    "slug": "acme-spot-v1",
    "name": "Acme",
    "display_name": "Acme Exchange",
    "integration_type": "CEX",
    "supported_symbols": ["BTC/USDT"],
    "required_credentials": [
        {"field_name": "api_key", "display_label": "API key", "field_type": "password", "validation_regex": "[a-z]+"}
    ],
    "capabilities": {"fees": {"maker_fee_percent": 0.10, "taker_fee_percent": "0.25"}},
    "api_config": {"base_url": "https://api.acme.example", "rate_limits": {"orders_per_second": 10}},
    "order": 5,
}


def create(invoke: Invoke, **changes: object) -> Any:
    answer = invoke("create_definition", "POST", PATH, user=ADMIN, body=NEW | changes)
    assert answer.status == 201, answer.text
    return answer.json


def test_seeded_definitions_are_listed_publicly_in_order(invoke: Invoke, seeded: Database) -> None:
    answer = invoke("list_definitions", "GET", PATH)

    assert answer.status == 200
    assert [item["slug"] for item in answer.json["items"]] == [seed.slug for seed in SEEDS]
    assert answer.json["next_cursor"] is None
    demo = answer.json["items"][0]
    assert demo["is_active"] is True
    assert demo["capabilities"]["fees"]["taker_fee_percent"] == "0.1"
    assert demo["required_credentials"][0]["is_encrypted"] is False
    assert "api_config" not in answer.text
    assert "binance.com" not in answer.text


def test_repeated_and_concurrent_seeding_changes_nothing(seeded: Database, run: Run) -> None:
    async def work() -> tuple[list[Any], list[Any]]:
        before = await seeded["wallets"].find().sort("_id").to_list()
        await asyncio.gather(*(seed_definitions(seeded) for _ in range(4)))
        return before, await seeded["wallets"].find().sort("_id").to_list()

    before, after = run(work())
    assert before == after


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ({"is_demo": "true"}, ["demo-wallet-v1", "demo-stocks-v1", "demo-live-v1", "demo-stocks-live-v1"]),
        (
            {"is_active": "true"},
            ["demo-wallet-v1", "demo-stocks-v1", *EXCHANGES],
        ),
        ({"market": "stocks"}, ["demo-stocks-v1", "demo-stocks-live-v1"]),
        (
            {"integration_type": "CEX"},
            EXCHANGES,
        ),
        ({"integration_type": "DEX"}, []),
    ],
)
def test_list_filters_select_definitions(
    invoke: Invoke, seeded: Database, query: dict[str, str], slugs: list[str]
) -> None:
    answer = invoke("list_definitions", "GET", PATH, query=query)

    assert [item["slug"] for item in answer.json["items"]] == slugs


def test_pages_neither_skip_nor_repeat(invoke: Invoke, seeded: Database) -> None:
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        query: dict[str, object] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = invoke("list_definitions", "GET", PATH, query=query).json
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [seed.slug for seed in SEEDS]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=",
        "cursor=!!",
        "cursor=WyJhIiwiYiJd",
        "market=gold",
        "is_demo=perhaps",
    ],
)
def test_invalid_queries_are_422(invoke: Invoke, query: str) -> None:
    answer = invoke("list_definitions", "GET", PATH, query=query)

    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert answer.json["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_definition_is_found_by_slug_and_by_id(invoke: Invoke, seeded: Database) -> None:
    by_slug = invoke("get_definition", "GET", f"{PATH}/demo-wallet-v1").json

    assert invoke("get_definition", "GET", f"{PATH}/{by_slug['id']}").json == by_slug
    assert by_slug["created_at"].endswith("Z")
    assert invoke("get_definition", "GET", f"{PATH}/nothing").status == 404


def test_admin_creates_changes_and_deletes_a_definition(invoke: Invoke, database: Database, run: Run) -> None:
    made = create(invoke)
    assert made["capabilities"]["fees"] == {
        "maker_fee_percent": "0.1",
        "taker_fee_percent": "0.25",
        "withdrawal_fee_percent": "0",
    }
    assert "api_config" not in made

    where = f"{PATH}/{made['slug']}"
    changed = invoke(
        "update_definition", "PATCH", where, user=ADMIN, body={"display_name": "Acme 2", "is_active": False}
    )
    assert changed.status == 200
    assert changed.json == made | {
        "display_name": "Acme 2",
        "is_active": False,
        "updated_at": changed.json["updated_at"],
    }
    stored = run(database["wallets"].find_one({"_id": made["id"]}))
    assert stored is not None
    assert stored["api_config"]["rate_limits"] == {"orders_per_second": 10}

    assert invoke("delete_definition", "DELETE", where, user=ADMIN).status == 204
    assert invoke("get_definition", "GET", where).status == 404
    assert invoke("delete_definition", "DELETE", where, user=ADMIN).status == 404
    assert invoke("update_definition", "PATCH", where, user=ADMIN, body={"order": 1}).status == 404
    assert create(invoke)["id"] != made["id"]


def test_duplicate_slug_conflicts(invoke: Invoke) -> None:
    create(invoke)

    answer = invoke("create_definition", "POST", PATH, user=ADMIN, body=NEW)

    assert (answer.status, answer.json["code"]) == (409, "DUPLICATE_SLUG")


def test_slug_that_is_the_id_of_another_definition_conflicts(invoke: Invoke, seeded: Database) -> None:
    other = invoke("get_definition", "GET", f"{PATH}/demo-wallet-v1").json

    answer = invoke("create_definition", "POST", PATH, user=ADMIN, body=NEW | {"slug": other["id"]})

    assert (answer.status, answer.json["code"]) == (409, "DUPLICATE_SLUG")
    assert invoke("get_definition", "GET", f"{PATH}/{other['id']}").json == other


def test_slug_that_is_the_id_of_a_deleted_definition_conflicts(invoke: Invoke) -> None:
    made = create(invoke)
    assert invoke("delete_definition", "DELETE", f"{PATH}/{made['slug']}", user=ADMIN).status == 204

    answer = invoke("create_definition", "POST", PATH, user=ADMIN, body=NEW | {"slug": made["id"]})

    assert (answer.status, answer.json["code"]) == (409, "DUPLICATE_SLUG")


def test_id_of_a_definition_takes_precedence_over_an_equal_slug(
    invoke: Invoke, seeded: Database, run: Run, definitions: list[dict[str, Any]]
) -> None:
    """Release 0.1.0 accepted such a slug."""
    demo, other = definitions[0], definitions[-1]
    for document in (other, demo):
        run(seeded.wallets.delete_one({"_id": document["_id"]}))
    run(seeded.wallets.insert_one(other | {"slug": demo["_id"]}))
    run(seeded.wallets.insert_one(demo))

    assert invoke("get_definition", "GET", f"{PATH}/{demo['_id']}").json["slug"] == demo["slug"]


def test_definition_in_use_cannot_be_deleted(invoke: Invoke, database: Database, run: Run) -> None:
    made = create(invoke)
    wallet_id = str(uuid.uuid4())
    run(database["user_wallets"].insert_one({"_id": wallet_id, "wallet_id": made["id"], "deleted_at": None}))

    answer = invoke("delete_definition", "DELETE", f"{PATH}/{made['slug']}", user=ADMIN)
    assert (answer.status, answer.json["code"]) == (409, "WALLET_IN_USE")

    run(database["user_wallets"].update_one({"_id": wallet_id}, {"$set": {"deleted_at": "then"}}))
    assert invoke("delete_definition", "DELETE", f"{PATH}/{made['slug']}", user=ADMIN).status == 204


@pytest.mark.parametrize(
    ("function", "method", "path"),
    [
        ("create_definition", "POST", PATH),
        ("update_definition", "PATCH", f"{PATH}/demo-wallet-v1"),
        ("delete_definition", "DELETE", f"{PATH}/demo-wallet-v1"),
    ],
)
def test_only_admins_change_the_catalogue(
    invoke: Invoke, seeded: Database, function: str, method: str, path: str
) -> None:
    body = None if method == "DELETE" else NEW
    assert invoke(function, method, path, body=body).status == 401
    answer = invoke(function, method, path, user=TRADER, body=body)
    assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("slug", {"slug": "Not A Slug"}),
        ("name", {"name": ""}),
        ("name", {"name": "a\u202eb"}),
        ("integration_type", {"integration_type": "BANK"}),
        ("surprise", {"surprise": 1}),
        ("is_active", {"is_active": "true"}),
        ("order", {"order": -1}),
        ("supported_symbols.0", {"supported_symbols": ["btc"]}),
        ("capabilities.fees.maker_fee_percent", {"capabilities": {"fees": {"maker_fee_percent": -1}}}),
        ("capabilities.fees.maker_fee_percent", {"capabilities": {"fees": {"maker_fee_percent": True}}}),
        (
            "required_credentials.0.validation_regex",
            {"required_credentials": [{"field_name": "a", "display_label": "A", "validation_regex": "("}]},
        ),
        (
            "required_credentials.0.validation_regex",
            {"required_credentials": [{"field_name": "a", "display_label": "A", "validation_regex": "(?=a)b"}]},
        ),
        (
            "required_credentials.0",
            {
                "required_credentials": [
                    {"field_name": "a", "display_label": "A", "field_type": "password", "is_encrypted": False}
                ]
            },
        ),
        *(
            (
                "required_credentials.0",
                {
                    "required_credentials": [
                        {"field_name": name, "display_label": "A", "field_type": kind, "is_encrypted": False}
                    ]
                },
            )
            for name, kind in (("api_secret", "text"), ("api_key", "text"), ("pin", "number"), ("account", "text"))
        ),
        ("body", {"is_demo": True}),
    ],
)
def test_invalid_fields_are_named_and_nothing_is_stored(
    invoke: Invoke, database: Database, run: Run, field: str, change: dict[str, object]
) -> None:
    answer = invoke("create_definition", "POST", PATH, user=ADMIN, body=NEW | change)

    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert run(database["wallets"].count_documents({})) == 0


FOREIGN_ADDRESSES = [
    "https://attacker.example",
    "https://api.binance.com.attacker.example",
    "https://attacker.example/api.binance.com",
    "https://api.kraken.com",
    "https://127.0.0.1.nip.io",
    "https://10.0.0.1",
    "https://1.2.3.4",
    "https://[64:ff9b:1::a00:1]",
    "http://127.0.0.1:9001",
    "http://localhost:9001",
]


@pytest.mark.parametrize("field", ["base_url", "testnet_url"])
@pytest.mark.parametrize("address", FOREIGN_ADDRESSES)
def test_venue_has_an_address_of_its_own(invoke: Invoke, seeded: Database, address: str, field: str) -> None:
    path = f"{PATH}/binance-spot-v1"

    answer = invoke("update_definition", "PATCH", path, user=ADMIN, body={"api_config": {field: address}})

    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR"), answer.text
    (error,) = answer.json["errors"]
    assert error["field"] == f"api_config.{field}"
    assert "api.binance.com, " in error["message"]


def test_deleted_definition_of_a_venue_comes_back_with_an_address_of_the_venue(
    invoke: Invoke, seeded: Database
) -> None:
    path = f"{PATH}/binance-spot-v1"
    assert invoke("delete_definition", "DELETE", path, user=ADMIN).status == 204
    body = NEW | {"slug": "binance-spot-v1", "api_config": {"base_url": "https://attacker.example"}}

    assert invoke("create_definition", "POST", PATH, user=ADMIN, body=body).status == 422

    body["api_config"] = {"base_url": "https://api.binance.com"}
    assert invoke("create_definition", "POST", PATH, user=ADMIN, body=body).status == 201


def test_admin_switches_a_venue_between_production_and_test_network(invoke: Invoke, seeded: Database) -> None:
    for address in ("https://testnet.binance.vision", "https://api.binance.com/", "https://api-gcp.binance.com"):
        body = {"api_config": {"base_url": address}}
        answer = invoke("update_definition", "PATCH", f"{PATH}/binance-spot-v1", user=ADMIN, body=body)
        assert answer.status == 200, answer.text


def test_parameter_of_the_deployment_adds_hosts(
    environment: pytest.MonkeyPatch, invoke: Invoke, seeded: Database
) -> None:
    environment.setenv("VENUE_HOSTS", "proxy.example.test, eu.proxy.example.test")
    bootstrap.settings.cache_clear()
    for host, status in (("proxy.example.test", 200), ("eu.proxy.example.test", 200), ("example.test", 422)):
        body = {"api_config": {"base_url": f"https://{host}"}}
        answer = invoke("update_definition", "PATCH", f"{PATH}/kraken-spot-v1", user=ADMIN, body=body)
        assert answer.status == status, answer.text


def test_null_cannot_unset_a_required_field(invoke: Invoke, seeded: Database) -> None:
    answer = invoke("update_definition", "PATCH", f"{PATH}/demo-wallet-v1", user=ADMIN, body={"name": None})

    assert answer.status == 422
    assert answer.json["errors"][0]["code"] == "null_forbidden"
