"""The template as a deployment with chosen parameters sees it: transformed, with its conditions and rules decided."""

from __future__ import annotations

from typing import Any, Final

from local.cloudformation import Resolver
from tests.support.stack import template, transformed, verb_noun

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
DATABASE_SECRET: Final = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:moniqo-mongodb-AbCdEf"
_PSEUDO: Final = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "moniqo-prod",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_REQUIRED: Final = {"MongoSecretArn": DATABASE_SECRET, "ReleaseHash": "0" * 64}


def resolver(parameters: dict[str, str]) -> Resolver:
    """Return what resolves intrinsic functions. A reference to a resource gives its logical id."""

    def attribute(logical_id: str, name: str) -> str:
        return logical_id if name == "Ref" else f"{logical_id}.{name}"

    return Resolver(template(), attribute, _PSEUDO, {**_REQUIRED, **parameters})


def deployed(kind: str, parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the resources of a CloudFormation type that this deployment has, by logical id: their properties."""
    chosen = resolver(parameters)
    return {
        name: chosen.resolve(entry.get("Properties", {}))
        for name, entry in transformed().items()
        if entry["Type"] == kind and _exists(entry, chosen)
    }


def deployed_functions(parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the properties of every Lambda function, by its folder's name."""
    return {verb_noun(name): entry for name, entry in deployed("AWS::Lambda::Function", parameters).items()}


def deployed_names(parameters: dict[str, str]) -> set[str]:
    """Return the logical ids of all resources that this deployment has."""
    chosen = resolver(parameters)
    return {name for name, entry in transformed().items() if _exists(entry, chosen)}


def outputs(parameters: dict[str, str]) -> dict[str, str]:
    """Return the outputs that this deployment has."""
    chosen = resolver(parameters)
    return {
        name: chosen.text(entry["Value"]) for name, entry in template()["Outputs"].items() if _exists(entry, chosen)
    }


def refusals(parameters: dict[str, str]) -> dict[str, list[str]]:
    """Return the rules that refuse a built template with these parameters, each with its reasons.

    The rule `Released` refuses every template that was not built.
    """
    chosen = resolver(parameters)
    found: dict[str, list[str]] = {}
    for name, rule in template()["Rules"].items():
        if name != "Released" and chosen.resolve(rule.get("RuleCondition", True)):
            for assertion in rule["Assertions"]:
                if not chosen.resolve(assertion["Assert"]):
                    found.setdefault(name, []).append(assertion["AssertDescription"])
    return found


def _exists(entry: dict[str, Any], chosen: Resolver) -> bool:
    return "Condition" not in entry or bool(chosen.resolve({"Condition": entry["Condition"]}))
