"""Delete versions of a stack's functions that are no longer needed: ``python -m scripts.old_versions ENVIRONMENT``.

CloudFormation keeps the versions of earlier releases, and with SnapStart each of them costs money. A version stays if
an alias names it, or if it is one of the newest that none names. `make deploy` runs this after a deployment. The
options of `sam deploy` that choose a stack are understood, and its other options are ignored.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts.deploy_parameters import SETTINGS, deploy_options

# Lambda takes 15 such calls a second from an account.
PATIENT: Final = Config(retries={"mode": "adaptive", "max_attempts": 10})


def superfluous(versions: Collection[int], named: Collection[int], keep: int) -> list[int]:
    """Return the versions to delete: those that no alias names, except the ``keep`` newest of them."""
    unnamed = sorted(set(versions) - set(named))
    return unnamed[: max(0, len(unnamed) - keep)]


def clean(session: boto3.Session, stack: str, keep: int) -> tuple[int, list[str]]:
    """Delete the superfluous versions of every function of a stack. Return how many they were, and what AWS refused.

    Raises:
        ClientError: AWS did not list the functions of the stack.

    """
    cloudformation: Any = session.client("cloudformation", config=PATIENT)
    functions: Any = session.client("lambda", config=PATIENT)
    deleted, refused = 0, list[str]()
    for name in _functions(cloudformation, stack):
        try:
            named = _named(functions, name)
            for version in superfluous(_versions(functions, name), named, keep):
                # Lambda refuses to delete a version that an alias has begun to name in the meantime.
                functions.delete_function(FunctionName=name, Qualifier=str(version))
                deleted += 1
        except ClientError as error:
            refused.append(f"{name}: {error}")
    return deleted, refused


def _functions(cloudformation: Any, stack: str) -> Iterator[str]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function" and resource.get("PhysicalResourceId"):
                yield resource["PhysicalResourceId"]


def _named(functions: Any, name: str) -> set[int]:
    found: set[str] = set()
    for page in functions.get_paginator("list_aliases").paginate(FunctionName=name):
        for alias in page["Aliases"]:
            shared = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            found |= {alias["FunctionVersion"], *shared}
    return {int(version) for version in found if version != "$LATEST"}


def _versions(functions: Any, name: str) -> set[int]:
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    return {int(each["Version"]) for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"}


def main(arguments: Sequence[str]) -> int:
    """Clean up the stack of an environment of samconfig.toml and say what was done. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.old_versions", allow_abbrev=False)
    parser.add_argument("environment", help="environment of samconfig.toml")
    parser.add_argument("--keep", type=int, default=1, help="versions to keep that no alias names (default: 1)")
    parser.add_argument("--stack-name", help="another stack than that of samconfig.toml")
    parser.add_argument("--region", help="another region than that of samconfig.toml")
    parser.add_argument("--profile", help="profile of your AWS credentials")
    options, _ = parser.parse_known_args(arguments)
    if options.keep < 0:
        parser.error("--keep cannot be negative")
    settings = deploy_options(tomllib.loads(SETTINGS.read_text(encoding="utf-8")), options.environment)
    stack = options.stack_name or settings.get("stack_name")
    if not stack:
        parser.error(f"samconfig.toml has no stack_name for {options.environment}")
    try:
        profile, region = options.profile or settings.get("profile"), options.region or settings.get("region")
        session = boto3.Session(profile_name=profile, region_name=region)
        deleted, refused = clean(session, stack, options.keep)
    except (BotoCoreError, ClientError) as error:
        deleted, refused = 0, [str(error)]
    sys.stdout.write(f"Deleted {deleted} old function versions of {stack}.\n")
    if refused:
        reasons = "\n  ".join(refused)
        sys.stderr.write(f"Others may remain:\n  {reasons}\n`make old-versions` tries again.\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
