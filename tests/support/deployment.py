"""The template, deployed to an emulator of AWS with `sam deploy` and called over its HTTP API."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from local import cloudformation
from scripts.built_template import released
from scripts.deploy_parameters import deploy_parameters
from tests.support.emulator import REGION, ROOT, Emulator
from tests.support.local_run import Reply, exchange
from tests.support.mongo import migrate

STACK: Final = "moniqo-e2e"
BUILT: Final = ROOT / ".build" / "e2e" / "sam"
NOT_EMULATED: Final = {
    "UserPoolPages": "the type AWS::Cognito::ManagedLoginBranding is unknown to it",
    "ApiErrorsAlarm": "it does no metric math",
    "DeadLettersAlarm": "it does no metric math",
    "KeyAgeAlarm": "it does no metric math",
    "KeysAlarm": "it does no metric math",
    "SyncFailuresAlarm": "it does no metric math",
    "WorkerErrorsAlarm": "it does no metric math",
}
# What a stack may take over from an earlier one, and the parameter that names it.
ADOPTED: Final = {"KeySecret": "ExistingKeySecretArn", "UserPool": "ExistingUserPoolId"}


@dataclass(frozen=True)
class Person:
    """A user with an account."""

    email: str
    password: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """A deployed stack. ``resources`` are physical ids by logical id."""

    emulator: Emulator
    resources: Mapping[str, str]
    mongodb_url: str

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request to the HTTP API."""
        host = f"{self.resources['Api']}.execute-api.localhost:{self.emulator.port}"
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port, timeout=60)
        try:
            return exchange(connection, method, path, body, token, {**(headers or {}), "Host": host})
        finally:
            connection.close()

    def login(self, person: Person) -> str:
        """Return an access token."""
        reply = self.call("POST", "/api/v1/auth/login", {"email": person.email, "password": person.password})
        assert reply.status == 200, reply.body
        return str(reply.json["access_token"])

    def add(self, person: Person) -> None:
        """Create an account as an admin of the user pool does."""
        cognito, pool = self.emulator.client("cognito-idp"), self.resources["UserPool"]
        attributes = [{"Name": "email", "Value": person.email}, {"Name": "email_verified", "Value": "true"}]
        name = {"UserPoolId": pool, "Username": person.email}
        cognito.admin_create_user(**name, UserAttributes=attributes, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**name, Password=person.password, Permanent=True)
        for group in person.groups:
            cognito.admin_add_user_to_group(**name, GroupName=group)


def deploy(sam: str, emulator: Emulator, mongodb_url: str, **parameters: str) -> Deployment:
    """Deploy what `make build` made, and add what the emulator does not create."""
    deployment = deploy_again(sam, Deployment(emulator, {}, mongodb_url), _built(), **parameters)
    _create_routes(deployment)
    migrate(mongodb_url)
    return deployment


def deploy_again(sam: str, deployment: Deployment, template: Mapping[str, Any], **parameters: str) -> Deployment:
    """Deploy a built template as `make deploy` does. ``parameters`` are those that samconfig.toml would list."""
    emulator = deployment.emulator
    chosen = {"Environment": "e2e", "MongoSecretArn": _database_secret(emulator, deployment.mongodb_url)}
    chosen |= {"SyncRateMinutes": "1", "KeyRotationDays": "0", "SignInReturnUrl": "https://example.com/welcome"}
    chosen |= parameters
    overrides = [f"{name}={value}" for name, value in chosen.items()]
    settings = {"e2e": {"deploy": {"parameters": {"parameter_overrides": overrides}}}}
    values, path = emulator.folder / "parameters.yaml", emulator.folder / "template.json"
    values.write_text(json.dumps(deploy_parameters(template, settings, "e2e")), encoding="utf-8")
    path.write_text(json.dumps(template), encoding="utf-8")
    command = [sam, "deploy", "--config-file", str(ROOT / "samconfig.toml"), "--config-env", "dev"]
    command += ["--template-file", str(path), "--stack-name", STACK, "--region", REGION]
    command += ["--parameter-overrides", f"file://{values}"]
    environment = {**emulator.environment, "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": emulator.environment["HOME"]}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{emulator.log()[-3000:]}"
    return replace(deployment, resources=_resources(emulator, parameters))


def next_release(folder: Path) -> dict[str, Any]:
    """Return the built template as another release, whose layer answers GET /health with "again" instead of "ok"."""
    document = released(_built(), "0" * 64)
    layer = folder / "next_layer"
    shutil.copytree(document["Resources"]["CoreLayer"]["Properties"]["ContentUri"], layer, copy_function=os.link)
    changed = layer / "python" / "moniqo_core" / "http" / "routes" / "service" / "get_health.py"
    text = changed.read_text(encoding="utf-8")
    assert '"ok"' in text
    changed.unlink()
    changed.write_text(text.replace('"ok"', '"again"'), encoding="utf-8")
    for compiled in changed.parent.glob("__pycache__/get_health.*"):
        compiled.unlink()
    document["Resources"]["CoreLayer"]["Properties"]["ContentUri"] = str(layer)
    return document


def _built() -> dict[str, Any]:
    """Return the built template without the parts that the emulator refuses, for venues on this machine."""
    built = BUILT / "template.yaml"
    assert built.is_file(), "build first: `make e2e` does, or `make build BUILD_DIR=.build/e2e/sam LAYER_PLATFORM=host`"
    document = cloudformation.load(built)
    for name in NOT_EMULATED:
        del document["Resources"][name]
    for resource in document["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "SQS":  # the emulator takes a parameter's number for a text
                event["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 2
        # The new file is elsewhere, and paths are relative to the template's folder.
        for source in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][source] = str(BUILT / resource["Properties"][source])
    document["Globals"]["Function"]["Environment"]["Variables"]["LOOPBACK_VENUES"] = "true"
    return document


def _database_secret(emulator: Emulator, mongodb_url: str) -> str:
    """Return the ARN of the secret with the URL of the database. The first deployment makes it."""
    secrets, name = emulator.client("secretsmanager"), "moniqo/e2e/mongodb"
    try:
        return str(secrets.create_secret(Name=name, SecretString=mongodb_url)["ARN"])
    except secrets.exceptions.ResourceExistsException:
        return str(secrets.describe_secret(SecretId=name)["ARN"])


def _resources(emulator: Emulator, adopted: Mapping[str, str]) -> dict[str, str]:
    """Return the physical ids of the stack's resources, and of those that it took over."""
    pages = emulator.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    made = {
        entry["LogicalResourceId"]: entry["PhysicalResourceId"]
        for page in pages
        for entry in page["StackResourceSummaries"]
    }
    return {name: adopted[parameter] for name, parameter in ADOPTED.items() if parameter in adopted} | made


def _create_routes(deployment: Deployment) -> None:
    """Create the routes of the API's definition, which the emulator does not read."""
    answer = deployment.emulator.client("cloudformation").get_template(StackName=STACK, TemplateStage="Processed")
    body = answer["TemplateBody"]
    processed = body if isinstance(body, dict) else json.loads(body)
    definition = processed["Resources"]["Api"]["Properties"]["Body"]
    gateway, api = deployment.emulator.client("apigatewayv2"), deployment.resources["Api"]
    pool, users = deployment.resources["UserPool"], deployment.resources["UserPoolClient"]
    authorizer = gateway.create_authorizer(
        ApiId=api,
        Name="Jwt",
        AuthorizerType="JWT",
        IdentitySource=[
            definition["components"]["securitySchemes"]["Jwt"]["x-amazon-apigateway-authorizer"]["identitySource"]
        ],
        JwtConfiguration={"Issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{pool}", "Audience": [users]},
    )
    for path, operations in definition["paths"].items():
        for method, operation in operations.items():
            protected = operation["security"] == [{"Jwt": []}]
            guard = {"AuthorizationType": "JWT", "AuthorizerId": authorizer["AuthorizerId"]} if protected else {}
            integration = gateway.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=_function(operation, deployment.resources),
                PayloadFormatVersion=operation["x-amazon-apigateway-integration"]["payloadFormatVersion"],
            )
            target = f"integrations/{integration['IntegrationId']}"
            gateway.create_route(ApiId=api, RouteKey=f"{method.upper()} {path}", Target=target, **guard)


def _function(operation: Mapping[str, Any], resources: Mapping[str, str]) -> str:
    uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    found = re.search(r"/functions/\$\{(\w+)\}/invocations$", uri)
    assert found, uri
    return resources[found[1]]
