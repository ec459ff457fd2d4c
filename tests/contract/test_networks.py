"""The networks that functions may run in: none, the stack's own with one address, or the operator's."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.support.deployed_template import deployed, deployed_functions, deployed_names, outputs, refusals
from tests.support.stack import functions, template, transformed

NONE: Final[dict[str, str]] = {}
FIXED: Final = {"FixedEgress": "on"}
OWN: Final = {"SubnetIds": "subnet-0a1,subnet-0b2", "SecurityGroupIds": "sg-0c3", "NatAddresses": "192.0.2.7,192.0.2.8"}
COMBINATIONS: Final = {
    "no network": (NONE, None),
    "the stack's network": (FIXED, {"SubnetIds": ["EgressSubnet"], "SecurityGroupIds": ["EgressGroup"]}),
    "the operator's network": (OWN, {"SubnetIds": ["subnet-0a1", "subnet-0b2"], "SecurityGroupIds": ["sg-0c3"]}),
    "the operator's network, addresses not named": (
        {"SubnetIds": "subnet-0a1", "SecurityGroupIds": "sg-0c3,sg-0d4"},
        {"SubnetIds": ["subnet-0a1"], "SecurityGroupIds": ["sg-0c3", "sg-0d4"]},
    ),
}
NETWORK_POLICY: Final = "AWSLambdaVPCAccessExecutionRole"


@pytest.mark.parametrize(("parameters", "network"), COMBINATIONS.values(), ids=COMBINATIONS)
def test_every_function_is_in_the_chosen_network(parameters: dict[str, str], network: Any) -> None:
    """One function outside would need a database that is open to every address."""
    assert refusals(parameters) == {}
    found = {name: entry.get("VpcConfig") for name, entry in deployed_functions(parameters).items()}
    assert found == dict.fromkeys(functions(), network)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({**FIXED, **OWN}, "A function runs in one network"),
        ({"SubnetIds": "subnet-0a1"}, "Set SubnetIds and SecurityGroupIds together"),
        ({"SecurityGroupIds": "sg-0c3"}, "Set SubnetIds and SecurityGroupIds together"),
        ({"NatAddresses": "192.0.2.7"}, "NatAddresses belongs to SubnetIds"),
        ({**FIXED, "NatAddresses": "192.0.2.7"}, "NatAddresses belongs to SubnetIds"),
    ],
)
def test_networks_that_cannot_work_are_refused(parameters: dict[str, str], reason: str) -> None:
    found = refusals(parameters)
    assert any(text.startswith(reason) for text in found.get("Network", ())), found


@pytest.mark.parametrize(
    ("parameters", "addresses"), [(NONE, ""), (FIXED, "EgressAddress"), (OWN, "192.0.2.7,192.0.2.8")]
)
def test_functions_know_the_addresses_that_venues_see(parameters: dict[str, str], addresses: str) -> None:
    found = {entry["Environment"]["Variables"]["EGRESS_ADDRESS"] for entry in deployed_functions(parameters).values()}
    assert found == {addresses}


def test_stack_makes_a_network_only_for_the_fixed_address() -> None:
    made = {name for name, entry in transformed().items() if entry["Type"].startswith("AWS::EC2::")}
    assert {name for name in made if name.startswith("Egress")} == made
    assert deployed_names(NONE) & made == set() == deployed_names(OWN) & made
    assert deployed_names(FIXED) & made == made
    assert outputs(FIXED)["EgressAddress"] == "EgressAddress"
    assert "EgressAddress" not in outputs(NONE) | outputs(OWN)


def test_functions_wait_for_their_way_out() -> None:
    """Rotation and schedules start with the functions, and need Secrets Manager and the database at once."""
    assert set(template()["Resources"]["EgressGroup"]["DependsOn"]) == {"EgressRoute", "EgressRouting"}
    assert deployed("AWS::EC2::Route", FIXED)["EgressRoute"]["NatGatewayId"] == "EgressNat"


@pytest.mark.parametrize("parameters", [NONE, FIXED, OWN])
def test_no_code_of_a_function_may_manage_networks(parameters: dict[str, str]) -> None:
    """SAM attaches the policy whether the function is in a network or not. So its rights are Lambda's alone."""
    carry = {
        name
        for name, role in deployed("AWS::IAM::Role", parameters).items()
        if any(arn.endswith(NETWORK_POLICY) for arn in role.get("ManagedPolicyArns", ()))
    }
    assert carry
    policy = deployed("AWS::IAM::ManagedPolicy", parameters)["NoNetworkRights"]
    assert carry <= set(policy["Roles"])
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Deny",
            "Action": "ec2:*",
            "Resource": "*",
            "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
        }
    ]
