"""The template as CloudFormation sees it: as written, and after the SAM transform."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local import cloudformation

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "AWS::Serverless::Function"
_BASIC_EXECUTION = "service-role/AWSLambdaBasicExecutionRole"


@cache
def template() -> dict[str, Any]:
    """Return template.yaml with its intrinsic functions in long form. It is shared, so copy it before you change it."""
    return cloudformation.load(ROOT / "template.yaml")


def functions() -> dict[str, dict[str, Any]]:
    """Return the properties of every function, by its folder's name."""
    resources = template()["Resources"]
    found = {name: entry for name, entry in resources.items() if entry["Type"] == FUNCTION}
    return {verb_noun(name): entry["Properties"] for name, entry in found.items()}


def verb_noun(logical_id: str) -> str:
    """Return the folder's name of a function: PlaceOrderFunction is place_order."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", logical_id.removesuffix("Function")).lower()


def logical_id(function: str) -> str:
    """Return the logical id of the function in a folder: place_order is PlaceOrderFunction."""
    return "".join(word.capitalize() for word in function.split("_")) + "Function"


def routes() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield function name, route key and event properties of every route."""
    for name, properties in functions().items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                route = event["Properties"]
                yield name, f"{route['Method']} {route['Path']}", route


@cache
def transformed() -> dict[str, Any]:
    """Return the resources that the SAM transform makes of the template with its defaults."""
    return transform(template(), {})


def transform(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources that the SAM transform makes of a template with these values and else the defaults."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    document = copy.deepcopy(dict(document))
    for resource in document["Resources"].values():
        for code in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][code] = "s3://artifacts/code"
    defaults = {name: declared.get("Default", "") for name, declared in document["Parameters"].items()}
    parameters = defaults | dict(values) | {"AWS::Region": "eu-central-1", "AWS::Partition": "aws"}
    managed = {Path(_BASIC_EXECUTION).name: f"arn:aws:iam::aws:policy/{_BASIC_EXECUTION}"}
    translator = Translator(managed, Parser(), None, boto3.Session(region_name="eu-central-1"))
    resources: dict[str, Any] = translator.translate(document, parameters)["Resources"]
    return resources
