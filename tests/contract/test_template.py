"""Properties that template.yaml must keep, whatever is added to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from moniqo_core.metrics import UNITS
from tests.support.cloudwatch_alarms import alarm, metrics
from tests.support.deployed_template import resolver
from tests.support.lambdas import load_function
from tests.support.stack import ROOT, functions, logical_id, routes, template, transformed, verb_noun

PUBLIC = {
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "GET /api/v1/wallets/definitions",
    "GET /api/v1/wallets/definitions/{slug}",
    "GET /api/v1/health",
    "GET /",
    "GET /api/v1",
    "GET /api/docs",
    "GET /api/docs/{file}",
    "GET /api/openapi.json",
}
WITHOUT_TOKEN = {"POST /api/v1/auth/login", "POST /api/v1/auth/refresh"}
READS_KEYS = {
    "cancel_order",
    "cancel_orders",
    "close_position",
    "close_positions",
    "create_wallet",
    "delete_wallet",
    "get_balance",
    "get_order",
    "list_all_orders",
    "list_orders",
    "list_positions",
    "list_trades",
    "pause_wallet",
    "place_order",
    "preflight_order",
    "reencrypt_credentials",
    "replace_credentials",
    "replace_order",
    "resume_wallet",
    "rotate_key",
    "reconcile_orders",
    "sync_balance",
    "sync_wallets",
    "test_connection",
}
KEY_WORK = {"reencrypt_credentials", "rotate_key"}
# Markets are public and need no credentials. Functions that only manage keys call no venue.
MARKETS = {"get_book", "get_candles", "get_clock", "get_price", "get_ticker", "list_markets"}
# Whatever opens a demo wallet brings it up to the present, which may be a venue's.
OPENS_DEMO_WALLETS = {
    *("cancel_order", "cancel_orders", "close_position", "close_positions", "delete_wallet", "evaluate_orders"),
    *("fork_wallet", "replace_order"),
    *("get_equity", "get_ledger", "get_order", "get_performance", "list_all_orders", "list_orders", "list_trades"),
    *("place_order", "preflight_order", "reinstate_wallet", "reset_wallet", "suspend_wallet", "update_wallet"),
}
TALKS_TO_VENUES = READS_KEYS - KEY_WORK | MARKETS | OPENS_DEMO_WALLETS
WRITES_KEYS = {"reencrypt_credentials", "rotate_key"}
# Actions that name no single resource, and why.
WITHOUT_ONE_RESOURCE: dict[str, str] = {}
# Managed policies that SAM adds by itself: writing logs, reading the queues mapped to the function, and managing the
# interfaces of a network, which NoNetworkRights takes from the code again.
MANAGED = {"AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole", "AWSLambdaVPCAccessExecutionRole"}


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    policies = role["Properties"].get("Policies", [])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def roles() -> dict[str, dict[str, Any]]:
    return {name: entry for name, entry in transformed().items() if entry["Type"] == "AWS::IAM::Role"}


def allowed(function: str) -> list[tuple[str, str]]:
    """Return the actions a function may take, each with what it may take them on."""
    found = []
    for statement in statements(roles()[f"{logical_id(function)}Role"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        found += [(action, json.dumps(statement["Resource"])) for action in actions]
    return found


def test_every_function_has_a_folder_and_an_event() -> None:
    declared = set(functions())
    assert {path.parent.name for path in ROOT.glob("functions/*/app.py")} == declared
    assert {path.stem for path in ROOT.glob("events/*.json")} == declared


def test_function_is_built_from_its_own_folder() -> None:
    assert {name: entry["CodeUri"] for name, entry in functions().items()} == {
        name: f"functions/{name}/" for name in functions()
    }


def test_alarms_watch_metrics_that_workers_publish() -> None:
    resources, variables = template()["Resources"], template()["Globals"]["Function"]["Environment"]["Variables"]
    parts = [part for entry in resources.values() for part in entry.get("Properties", {}).get("Metrics", ())]
    watched = [part["MetricStat"]["Metric"] for part in parts if "MetricStat" in part]
    ours = [metric for metric in watched if not metric["Namespace"].startswith("AWS/")]
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("functions/*/app.py"))
    published = {name for name in UNITS if f" {name}=" in sources}
    assert {metric["MetricName"] for metric in ours} <= published
    for metric in ours:
        assert metric["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
        assert {entry["Name"]: entry["Value"] for entry in metric["Dimensions"]} == {
            "service": variables["POWERTOOLS_SERVICE_NAME"],
            "environment": variables["ENVIRONMENT"],
        }


def test_only_listed_routes_are_public() -> None:
    public = {key for _, key, route in routes() if route.get("Auth") == {"Authorizer": "NONE"}}
    assert public == PUBLIC
    assert all("Auth" not in route for _, key, route in routes() if key not in PUBLIC)
    assert template()["Resources"]["Api"]["Properties"]["Auth"]["DefaultAuthorizer"] == "Jwt"


def test_gateway_requires_a_token_on_every_other_route() -> None:
    paths = transformed()["Api"]["Properties"]["Body"]["paths"]
    security = {
        f"{method.upper()} {path}": [name for entry in operation["security"] for name in entry]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert {key for key, names in security.items() if names != ["Jwt"]} == PUBLIC


def test_no_route_is_declared_twice() -> None:
    assert [key for key, count in Counter(key for _, key, _ in routes()).items() if count > 1] == []


def test_stricter_throttles_belong_to_existing_routes() -> None:
    api = template()["Resources"]["Api"]["Properties"]
    assert set(api["RouteSettings"]) <= {key for _, key, _ in routes()}
    for key in set(api["RouteSettings"]) - WITHOUT_TOKEN:
        rate, burst = (api["RouteSettings"][key][f"Throttling{name}Limit"] for name in ("Rate", "Burst"))
        assert 0 < rate <= 20, key
        assert 0 < burst <= 2 * rate, key
    assert 0 < api["DefaultRouteSettings"]["ThrottlingRateLimit"] <= 100


def test_a_stranger_cannot_use_up_the_shared_throttle_of_log_ins() -> None:
    """The functions count each address. The limit that all share must be higher than one address easily reaches."""
    settings = template()["Resources"]["Api"]["Properties"]["RouteSettings"]
    for key in WITHOUT_TOKEN:
        assert settings[key]["ThrottlingRateLimit"] >= 500, key
        assert settings[key]["ThrottlingBurstLimit"] >= 1000, key


def test_nobody_can_try_passwords_with_the_api_of_cognito() -> None:
    """The client has no secret, so whatever it allows without the account's rights is open to everyone."""
    client = template()["Resources"]["UserPoolClient"]["Properties"]
    assert set(client["ExplicitAuthFlows"]) == {"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    rights = {(name, right) for name in functions() for right, _ in allowed(name) if right.startswith("cognito-idp:")}
    assert rights == {("login", "cognito-idp:AdminInitiateAuth")}


def test_stack_stays_below_the_resource_limit(record_property: Callable[[str, object], None]) -> None:
    count = len(transformed())
    record_property("Resources of the template after the transform", count)
    assert count < 400


def test_each_function_has_its_own_role() -> None:
    used = [
        entry["Properties"]["Role"]["Fn::GetAtt"][0]
        for entry in transformed().values()
        if entry["Type"] == "AWS::Lambda::Function"
    ]
    assert len(used) == len(set(used)) == len(functions())


def test_no_statement_allows_everything() -> None:
    for name, role in roles().items():
        for statement in statements(role):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if action.endswith(":*") or action == "*"], name
            if "*" in json.dumps(statement["Resource"]):
                assert set(actions) <= set(WITHOUT_ONE_RESOURCE), name


def test_roles_have_only_the_managed_policies_sam_adds() -> None:
    for name, role in roles().items():
        arns = role["Properties"].get("ManagedPolicyArns", [])
        assert {arn.rsplit("/", 1)[1] for arn in arns} <= MANAGED, name


def test_only_functions_that_use_credentials_may_access_the_keys() -> None:
    def with_right(action: str) -> set[str]:
        return {name for name in functions() for right, on in allowed(name) if right == action and "KeySecret" in on}

    assert with_right("secretsmanager:GetSecretValue") == READS_KEYS
    assert with_right("secretsmanager:PutSecretValue") == WRITES_KEYS
    assert with_right("secretsmanager:UpdateSecretVersionStage") == {"rotate_key"}


def test_no_function_that_answers_requests_may_write_a_secret() -> None:
    answering = {name for name, _, _ in routes()}
    reading = {"secretsmanager:GetSecretValue"}
    for name in answering:
        rights = {right for right, _ in allowed(name) if right.startswith("secretsmanager:")}
        assert rights <= reading, name
    assert len(answering) > 40


def test_only_secrets_manager_may_rotate_and_only_the_key_ring() -> None:
    resources = template()["Resources"]
    permission = resources["RotateKeyPermission"]["Properties"]
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    ring = {"Fn::If": ["MakesKeys", {"Ref": "KeySecret"}, {"Ref": "ExistingKeySecretArn"}]}
    assert permission["SourceArn"] == ring == resources["KeyRotation"]["Properties"]["SecretId"]
    target = {"Fn::GetAtt": ["RotateKeyFunction", "Arn"]}
    assert permission["FunctionName"] == target == resources["KeyRotation"]["Properties"]["RotationLambdaARN"]
    assert functions()["rotate_key"].get("Events") is None


def test_re_encryption_ends_before_its_timeout() -> None:
    allowed_seconds = functions()["reencrypt_credentials"]["Timeout"]
    assert allowed_seconds - load_function("reencrypt_credentials").SECONDS >= 10


def test_only_venue_functions_have_the_exchanges_layer() -> None:
    layers = {name: entry["Properties"]["Layers"] for name, entry in transformed().items() if is_function(entry)}
    carry = {verb_noun(name) for name, given in layers.items() if any("Exchanges" in str(layer) for layer in given)}
    assert carry == TALKS_TO_VENUES
    assert all(any("CoreLayer" in str(layer) for layer in given) for given in layers.values())


def is_function(entry: dict[str, Any]) -> bool:
    return bool(entry["Type"] == "AWS::Lambda::Function")


def test_only_functions_that_read_keys_know_the_key_secret() -> None:
    knows = {
        name
        for name, entry in functions().items()
        if "KEY_SECRET_ID" in entry.get("Environment", {}).get("Variables", {})
    }
    assert knows == READS_KEYS


def test_irreplaceable_resources_are_retained() -> None:
    kept = {"UserPool": "Retain", "AdminGroup": "RetainExceptOnCreate", "KeySecret": "RetainExceptOnCreate"}
    resources = template()["Resources"]
    assert {name: entry["DeletionPolicy"] for name, entry in resources.items() if "DeletionPolicy" in entry} == kept
    assert {name: resources[name]["UpdateReplacePolicy"] for name in kept} == dict.fromkeys(kept, "Retain")


def test_failed_first_deployment_rolls_back() -> None:
    """CloudFormation would have to delete such a resource, and cannot while it is protected."""
    for name, entry in template()["Resources"].items():
        if entry.get("Properties", {}).get("DeletionProtection") == "ACTIVE":
            assert entry["DeletionPolicy"] == "Retain", name


def test_every_function_publishes_a_version_with_each_release() -> None:
    assert {json.dumps(entry["AutoPublishCodeSha256"]) for entry in functions().values()} == {'{"Ref": "ReleaseHash"}'}
    assert template()["Globals"]["Function"]["AutoPublishAlias"] == "live"


def test_queue_visibility_timeout_is_six_times_the_worker_timeout() -> None:
    for name, worker in (("SyncQueue", "sync_wallets"), ("EvaluationQueue", "evaluate_orders")):
        queue = template()["Resources"][name]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * functions()[worker]["Timeout"]


def test_live_trading_is_off_by_default() -> None:
    assert template()["Parameters"]["LiveTrading"]["Default"] == "false"
    assert "LiveTrading=true" not in (ROOT / "samconfig.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("value", "measured"), [(None, False), ("off", False), ("on", True)])
def test_routes_are_measured_only_on_request(value: str | None, measured: bool) -> None:
    given = {} if value is None else {"DetailedRouteMetrics": value}
    settings = template()["Resources"]["Api"]["Properties"]["DefaultRouteSettings"]
    assert resolver(given).resolve(settings["DetailedMetricsEnabled"]) is measured


def test_costs_name_the_number_of_functions_with_snapshots_and_of_metrics_with_alarms() -> None:
    page = (ROOT / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
    snapshots = sum("SnapStart" in properties for properties in functions().values())
    alarms = [name for name, entry in template()["Resources"].items() if entry["Type"] == "AWS::CloudWatch::Alarm"]
    watched = sum(len(metrics(alarm(name))) for name in alarms)
    assert f"| {round(snapshots * 3.9)} per release that is kept | {snapshots} functions have it" in page
    assert f"| alarms | {watched * 0.1:.2f} |" in page
