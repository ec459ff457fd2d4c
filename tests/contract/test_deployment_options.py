"""What the optional parameters of template.yaml make, and the combinations that it refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.test_template import allowed
from tests.support.deployed_template import ACCOUNT, DATABASE_SECRET, REGION, deployed, outputs, refusals
from tests.support.stack import ROOT, functions, logical_id, template, transformed

KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
POLYGON = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:polygon-AbCdEf"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
IDENTITY = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com"


def made(name: str, **parameters: str) -> Any:
    """Return the properties of a resource, or None if this deployment does not have it."""
    return deployed(template()["Resources"][name]["Type"], parameters).get(name)


def broken_rules(**parameters: str) -> list[str]:
    """Return the names of the rules that refuse a built template with these parameters."""
    return list(refusals(parameters))


@pytest.mark.parametrize("name", ["awsdev", "myaws", "amazon1", "cognito", "xcognitox"])
def test_environment_that_the_sign_up_domain_cannot_have_is_refused(name: str) -> None:
    pattern = template()["Parameters"]["Environment"]["AllowedPattern"]

    assert "${Environment}" in template()["Resources"]["UserPoolDomain"]["Properties"]["Domain"]["Fn::Sub"]
    assert re.fullmatch(pattern, name) is None
    assert all(re.fullmatch(pattern, fine) for fine in ("dev", "prod", "aw", "e2e"))


def test_localhost_is_no_return_address_of_a_deployment_for_users() -> None:
    page = "https://example.com/welcome"

    assert broken_rules(Environment="dev") == []
    assert broken_rules(Environment="prod") == ["SignInPages"]
    assert broken_rules(Environment="prod", SignInReturnUrl=page) == []
    assert broken_rules(Environment="prod", JwtIssuer="https://issuer.example.com", JwtAudience="x") == []
    assert made("UserPoolClient", SignInReturnUrl=page)["CallbackURLs"] == [page]


def test_tokens_of_another_issuer_need_an_audience() -> None:
    issuer = "https://issuer.example.com"

    assert broken_rules(JwtIssuer=issuer) == ["Issuer"]
    assert broken_rules(JwtIssuer=issuer, JwtAudience="moniqo") == []


def test_users_get_e_mails_from_the_own_identity_when_it_is_set() -> None:
    sender = "Moniqo <no-reply@example.com>"

    assert made("UserPool")["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
    assert made("UserPool", EmailIdentityArn=IDENTITY, EmailFrom=sender)["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "SourceArn": IDENTITY,
        "From": sender,
    }
    assert broken_rules(Environment="dev", EmailIdentityArn=IDENTITY) == ["Email"]
    pattern = template()["Parameters"]["EmailFrom"]["AllowedPattern"]
    assert all(re.fullmatch(pattern, text) for text in ("", sender, "no-reply@example.com"))
    assert not any(re.fullmatch(pattern, text) for text in ("Moniqo", "<@>", "Moniqo no-reply@example.com"))


@pytest.mark.parametrize(
    ("mfa", "configuration", "factors"),
    [("off", "OFF", None), ("optional", "OPTIONAL", ["SOFTWARE_TOKEN_MFA"]), ("on", "ON", ["SOFTWARE_TOKEN_MFA"])],
)
def test_second_factor_is_an_authenticator_app(mfa: str, configuration: str, factors: list[str] | None) -> None:
    pool = made("UserPool", Mfa=mfa)

    assert (pool["MfaConfiguration"], pool.get("EnabledMfas")) == (configuration, factors)


@pytest.mark.parametrize(
    ("protection", "tier", "mode"),
    [("off", None, None), ("audit", "PLUS", "AUDIT"), ("enforced", "PLUS", "ENFORCED")],
)
def test_threat_protection_comes_with_the_tier_that_has_it(protection: str, tier: str | None, mode: str | None) -> None:
    pool = made("UserPool", ThreatProtection=protection)

    assert pool.get("UserPoolTier") == tier
    assert pool.get("UserPoolAddOns", {}).get("AdvancedSecurityMode") == mode


def test_own_domain_leads_to_the_api_and_is_in_the_outputs() -> None:
    domain = {"DomainName": "api.example.com", "DomainCertificateArn": CERTIFICATE}

    assert made("ApiDomain") is made("ApiDomainMapping") is None
    assert outputs({})["ApiUrl"] == "https://Api.execute-api.eu-central-1.amazonaws.com"
    assert made("ApiDomain", **domain) == {
        "DomainName": "api.example.com",
        "DomainNameConfigurations": [
            {"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
        ],
    }
    mapping = transformed()["ApiDomainMapping"]["Properties"]
    assert mapping["Stage"]["Ref"] in transformed()
    assert transformed()[mapping["Stage"]["Ref"]]["Type"] == "AWS::ApiGatewayV2::Stage"
    assert (outputs(domain)["ApiUrl"], outputs(domain)["DocsUrl"]) == (
        "https://api.example.com",
        "https://api.example.com/api/docs",
    )
    for name, value in domain.items():
        assert broken_rules(Environment="dev", **{name: value}) == ["Domain"]
    assert broken_rules(Environment="dev", **domain) == []


def decryption(secret: str) -> dict[str, Any]:
    """Return the statement that allows to decrypt one secret through Secrets Manager, and nothing else."""
    return {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": KMS_KEY,
        "Condition": {
            "StringEquals": {
                "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
                "kms:EncryptionContext:SecretARN": secret,
            }
        },
    }


def test_readers_of_a_secret_may_decrypt_it_with_the_customers_key() -> None:
    key = {"SecretsKmsKeyArn": KMS_KEY}
    readers = {
        f"{logical_id(name)}Role" for name in functions() if any("MongoSecretArn" in on for _, on in allowed(name))
    }

    assert made("MongoSecretKeyAccess") is None
    access = made("MongoSecretKeyAccess", **key)
    assert set(access["Roles"]) == readers
    assert access["PolicyDocument"]["Statement"] == [decryption(DATABASE_SECRET)]
    polygon = made("PolygonKeyAccess", PolygonSecretArn=POLYGON, **key)["PolicyDocument"]["Statement"]
    assert polygon[1:] == [decryption(POLYGON)]
    assert len(made("PolygonKeyAccess", PolygonSecretArn=POLYGON)["PolicyDocument"]["Statement"]) == 1


def test_workers_leave_room_in_an_account_with_ten_executions() -> None:
    """Reserved concurrency cannot be set there, and a queue takes two executions at least."""
    parameter = template()["Parameters"]["WorkerConcurrency"]
    queues = [
        event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for entry in functions().values()
        for event in entry.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]

    assert queues == [{"Ref": "WorkerConcurrency"}] * 2
    assert (parameter["MinValue"], parameter["MaxValue"]) == (2, 1000)
    assert '"WorkerConcurrency=2"' in (ROOT / "samconfig.toml").read_text(encoding="utf-8").partition("[prod")[0]
    assert not any("ReservedConcurrentExecutions" in entry for entry in functions().values())
    assert "ReservedConcurrentExecutions" not in template()["Globals"]["Function"]


def test_secret_of_the_database_is_made_in_the_region_of_the_deployment() -> None:
    regions = set(re.findall(r'^region = "(.+)"$', (ROOT / "samconfig.toml").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    commands = [
        line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if "create-secret" in line
    ]

    assert commands
    for command in commands:
        assert set(re.findall(r"--region (\S+)", command)) == regions, command
