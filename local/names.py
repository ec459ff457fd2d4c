"""Fixed names of the template's resources on this computer, so that tokens and wallets survive a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.errors import TemplateError

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
STACK: Final = "moniqo-local"
POOL_ID: Final = f"{REGION}_MoniqoLocal"
CLIENT_ID: Final = "moniqolocalclient"
API_ID: Final = "local"

PSEUDO_PARAMETERS: Final = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/local",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_ARN_FORMS: Final = {
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}",
    "AWS::Cognito::UserPool": "cognito-idp:{region}:{account}:userpool/" + POOL_ID,
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
}


def physical_name(logical_id: str) -> str:
    """Return the name of a resource within the local stack."""
    return f"{STACK}-{logical_id}"


def arn(kind: str, logical_id: str) -> str:
    """Return the ARN of a resource of CloudFormation type ``kind``."""
    form = _ARN_FORMS.get(kind, "cloudformation:{region}:{account}:resource/{name}")
    return "arn:aws:" + form.format(region=REGION, account=ACCOUNT, name=physical_name(logical_id))


def attributes(resources: Mapping[str, Any], aws_url: str, api_url: str) -> Callable[[str, str], str]:
    """Return the function that gives `!Ref` and `!GetAtt` of the template's resources, as ``Resolver`` wants it."""

    def attribute(logical_id: str, name: str) -> str:
        if logical_id not in resources:
            raise TemplateError(f"template.yaml: {logical_id} is neither a parameter nor a resource.")
        kind = resources[logical_id]["Type"]
        known = {
            ("AWS::SQS::Queue", "Ref"): f"{aws_url}/{ACCOUNT}/{physical_name(logical_id)}",
            ("AWS::SecretsManager::Secret", "Ref"): arn(kind, logical_id),
            ("AWS::Cognito::UserPool", "Ref"): POOL_ID,
            ("AWS::Cognito::UserPool", "ProviderName"): f"cognito-idp.{REGION}.amazonaws.com/{POOL_ID}",
            ("AWS::Cognito::UserPool", "ProviderURL"): f"https://cognito-idp.{REGION}.amazonaws.com/{POOL_ID}",
            ("AWS::Cognito::UserPoolClient", "Ref"): CLIENT_ID,
            ("AWS::Cognito::UserPoolClient", "ClientId"): CLIENT_ID,
            ("AWS::Serverless::HttpApi", "Ref"): API_ID,
            ("AWS::Serverless::HttpApi", "ApiEndpoint"): api_url,
        }
        if (kind, name) in known:
            return known[kind, name]
        return arn(kind, logical_id) if name.endswith("Arn") else physical_name(logical_id)

    return attribute
