"""Least privilege: the template gives each function exactly the permissions that its code uses."""

from __future__ import annotations

import re

import pytest

from tests.contract.test_template import allowed
from tests.support.iam_permissions import Right, used_rights
from tests.support.stack import functions

# A queue for what an asynchronous invocation gave up: SAM adds the right, Lambda uses it.
GIVES_UP_TO = {
    name: ("sqs:SendMessage", "ScheduleDeadLetters")
    for name, entry in functions().items()
    if "EventInvokeConfig" in entry
}
# A parameter that takes the place of a resource. test_adoption.py decides the conditions.
ADOPTED = {"ExistingKeySecretArn", "ExistingUserPoolId"}
# What the code could do and never does, with the reason.
NEVER_DOES: dict[tuple[str, Right], str] = {}


def granted(function: str) -> set[Right]:
    """Return the permissions in the template, each with the logical id of its resource."""
    rights = set()
    for action, resource in allowed(function):
        names = [
            name
            for name in re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)', resource)
            if not name.startswith("AWS") and name not in ADOPTED
        ]
        assert len(names) == 1, (function, action, resource)
        rights.add((action.rstrip("*"), names[0]))
    return rights


@pytest.mark.parametrize("function", sorted(functions()))
def test_function_has_exactly_the_permissions_its_code_uses(function: str) -> None:
    given = granted(function) - {GIVES_UP_TO.get(function)}
    needed = {right for right in used_rights(function) if (function, right) not in NEVER_DOES}
    assert given - needed == set(), "rights that no line of its code uses"
    assert needed - given == set(), "rights that its code uses and the template does not give"


def test_permission_analysis_finds_known_calls() -> None:
    """If the analysis found no calls, a template without permissions would pass."""
    assert used_rights("get_docs") == set()
    assert {place for _, place in used_rights("list_definitions")} == {"MongoSecretArn"}
    assert ("secretsmanager:PutSecretValue", "KeySecret") in used_rights("reencrypt_credentials")
    assert ("secretsmanager:UpdateSecretVersionStage", "KeySecret") in used_rights("rotate_key")
    assert ("sqs:SendMessage", "SyncQueue") in used_rights("dispatch_sync")
    assert ("cognito-idp:AdminInitiateAuth", "UserPool") in used_rights("login") - used_rights("refresh_token")
    assert ("sqs:SendMessage", "EvaluationQueue") not in used_rights("dispatch_sync")


def test_listed_exceptions_are_still_needed() -> None:
    for function, right in NEVER_DOES:
        assert right in used_rights(function)
