"""A stack that is created again takes over the keys and the users of the one before."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.contract.test_template import READS_KEYS
from tests.support.deployed_template import (
    ACCOUNT,
    REGION,
    deployed,
    deployed_functions,
    deployed_names,
    outputs,
    resolver,
)
from tests.support.stack import template, transformed, verb_noun

KEYS: Final = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:KeySecret-Ab12Cd34Ef56-AbCdEf"
POOL: Final = f"{REGION}_AbCd12345"
FRESH: Final[dict[str, str]] = {}
ADOPTING: Final = {"ExistingKeySecretArn": KEYS, "ExistingUserPoolId": POOL}
BOTH: Final = pytest.mark.parametrize(
    ("parameters", "keys", "pool"), [(FRESH, "KeySecret", "UserPool"), (ADOPTING, KEYS, POOL)]
)
IRREPLACEABLE: Final = {"KeySecret", "UserPool", "AdminGroup"}


def issuer(pool: str) -> str:
    return f"https://cognito-idp.{REGION}.amazonaws.com/{pool}"


def key_rights(parameters: dict[str, str]) -> dict[str, set[str]]:
    """Return the secrets that each function may read or write, except the database's."""
    found: dict[str, set[str]] = {}
    for name, role in deployed("AWS::IAM::Role", parameters).items():
        for policy in role.get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                if "secretsmanager:" in json.dumps(statement["Action"]) and "mongodb" not in statement["Resource"]:
                    found.setdefault(verb_noun(name.removesuffix("Role")), set()).add(statement["Resource"])
    return found


def test_stack_makes_what_it_does_not_adopt() -> None:
    assert deployed_names(FRESH) >= IRREPLACEABLE
    assert deployed_names(FRESH) - deployed_names(ADOPTING) == IRREPLACEABLE
    assert deployed_names({"ExistingKeySecretArn": KEYS}) >= {"UserPool", "AdminGroup"}
    assert "KeySecret" in deployed_names({"ExistingUserPoolId": POOL})


@BOTH
def test_functions_use_one_key_ring(parameters: dict[str, str], keys: str, pool: str) -> None:
    """One function that wrote to another secret would make credentials that the rest cannot read."""
    assert key_rights(parameters) == {name: {keys} for name in READS_KEYS}
    named = {
        name: entry["Environment"]["Variables"]["KEY_SECRET_ID"]
        for name, entry in deployed_functions(parameters).items()
        if "KEY_SECRET_ID" in entry["Environment"]["Variables"]
    }
    assert named == dict.fromkeys(READS_KEYS, keys)
    assert deployed("AWS::SecretsManager::RotationSchedule", parameters)["KeyRotation"]["SecretId"] == keys
    assert deployed("AWS::Lambda::Permission", parameters)["RotateKeyPermission"]["SourceArn"] == keys
    assert outputs(parameters)["KeySecretArn"] == keys


@BOTH
def test_tokens_of_one_user_pool_are_trusted(parameters: dict[str, str], keys: str, pool: str) -> None:
    chosen = resolver(parameters)
    schemes = transformed()["Api"]["Properties"]["Body"]["components"]["securitySchemes"]
    authorizer: Any = chosen.resolve(schemes["Jwt"]["x-amazon-apigateway-authorizer"]["jwtConfiguration"])
    assert authorizer == {"issuer": issuer(pool), "audience": ["UserPoolClient"]}
    trusted = {entry["Environment"]["Variables"]["JWT_ISSUER"] for entry in deployed_functions(parameters).values()}
    assert trusted == {issuer(pool)}
    of_pool = [entry for entry in template()["Resources"].values() if "UserPoolId" in entry.get("Properties", {})]
    assert {chosen.resolve(entry["Properties"]["UserPoolId"]) for entry in of_pool if "Condition" not in entry} == {
        pool
    }
    assert outputs(parameters)["UserPoolId"] == pool


def test_own_issuer_is_trusted_whichever_pool_there_is() -> None:
    chosen = {**ADOPTING, "JwtIssuer": "https://id.example.com", "JwtAudience": "moniqo"}
    trusted = {entry["Environment"]["Variables"]["JWT_ISSUER"] for entry in deployed_functions(chosen).values()}
    assert trusted == {"https://id.example.com"}
