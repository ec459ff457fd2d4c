"""How `make run` imitates Lambda, API Gateway, Scheduler and SQS, with a small template."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import jwt
import moto
import pytest
from botocore.exceptions import ClientError
from jwt.algorithms import RSAAlgorithm

from tests.support.local_run import LocalRun, exchange, local_run

POOL = "us-east-1_MoniqoLocal"
TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters: {Greeting: {Type: String, Default: hello}}
Globals:
  Function: {Handler: app.handler, Timeout: 1, Environment: {Variables: {SEEN: %(seen)s}}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: ['https://app.example.com'], AllowMethods: [GET]}
      RouteSettings: {'GET /limited': {ThrottlingBurstLimit: 1, ThrottlingRateLimit: 0.01}}
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt: {JwtConfiguration: {issuer: !GetAtt Users.ProviderURL, audience: [!Ref Client]}}
  Users: {Type: AWS::Cognito::UserPool, Properties: {UsernameAttributes: [email]}}
  Client: {Type: AWS::Cognito::UserPoolClient, Properties: {ExplicitAuthFlows: [ALLOW_ADMIN_USER_PASSWORD_AUTH]}}
  Keys: {Type: AWS::SecretsManager::Secret, Properties: {SecretString: '{}'}}
  Dead: {Type: AWS::SQS::Queue}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  OpenFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/any
      Environment:
        Variables:
          {NAME: open, GREETING: !Ref Greeting, KEYS: !Ref Keys, CLIENT: !Ref Client, JOBS: !Ref Jobs, DEAD: !Ref Dead}
      Events:
        All: {Type: HttpApi, Properties: {Path: '/open/{what}', Method: ANY, Auth: {Authorizer: NONE}}}
        Limited: {Type: HttpApi, Properties: {Path: /limited, Method: GET, Auth: {Authorizer: NONE}}}
        Slow: {Type: HttpApi, Properties: {Path: /slow, Method: GET, TimeoutInMillis: 200, Auth: {Authorizer: NONE}}}
  ClosedFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/any
      Environment: {Variables: {NAME: closed}}
      Events: {Get: {Type: HttpApi, Properties: {Path: /closed, Method: GET}}}
  MeetFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/meet
      Timeout: 20
      Events: {Get: {Type: HttpApi, Properties: {Path: '/meet/{who}', Method: GET, Auth: {Authorizer: NONE}}}}
  TickFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/tick
      Environment: {Variables: {JOBS: !Ref Jobs}}
      Timeout: 10
      Events:
        Tick:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(1 hour), Input: '{"at": "<aws.scheduler.scheduled-time>"}'}
  WorkFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/work
      Events:
        Jobs:
          Type: SQS
          Properties: {Queue: !GetAtt Jobs.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}
"""
ANY = """\
import json, os, time
import beside

def handler(event, context):
    what = event.get("pathParameters", {}).get("what", event["rawPath"])
    if what == "crash":
        os._exit(3)
    if what == "raise":
        raise ValueError("canary-in-the-log")
    if what == "hang" or what == "/slow":
        time.sleep(0.5 if what == "/slow" else 5)
    if what == "odd":
        return {"statusCode": 200, "body": object()}
    if what == "later":
        import later
        return {"statusCode": 200, "body": json.dumps([beside.NAME, later.NAME])}
    body = {"event": event, "pid": os.getpid(), "env": dict(os.environ), "left": context.get_remaining_time_in_millis()}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
"""
MEET = """\
import os, time
from pathlib import Path

import beside

def handler(event, context):
    if event["pathParameters"]["who"] == "beside":
        import json
        return {"statusCode": 200, "body": json.dumps([beside.NAME])}
    who = event["pathParameters"]["who"]
    place = Path(os.environ["SEEN"] + "-meeting")
    place.mkdir(exist_ok=True)
    (place / who).touch()
    while len(list(place.iterdir())) < 2:
        time.sleep(0.01)
    return {"statusCode": 200}
"""
TICK = """\
import json, os
import boto3

def handler(event, context):
    sqs = boto3.client("sqs")
    for name in ("good", "bad"):
        sqs.send_message(QueueUrl=os.environ["JOBS"], MessageBody=json.dumps({"job": name, **event}))
"""
WORK = """\
import json, os

def handler(event, context):
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(json.dumps({**body, "received": record["attributes"]["ApproximateReceiveCount"]}) + "\\n")
        if body["job"] == "bad":
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("platform")
    for name, source in (("any", ANY), ("meet", MEET), ("tick", TICK), ("work", WORK)):
        (place / "functions" / name).mkdir(parents=True)
        (place / "functions" / name / "app.py").write_text(source)
        for module in ("beside", "later"):
            (place / "functions" / name / f"{module}.py").write_text(f"NAME = '{module} {name}'")
    (place / "template.yaml").write_text(TEMPLATE % {"seen": place / "seen"})
    return place


@pytest.fixture(scope="module")
def run(place: Path) -> Iterator[LocalRun]:
    with local_run(
        place / "state", str(place / "template.yaml"), WORKERS="2", AWS_PROFILE="mine", PARAMETERS="Greeting='good day'"
    ) as run:
        yield run


@pytest.fixture(scope="module")
def environment(run: LocalRun) -> dict[str, str]:
    """The environment of a function."""
    environment: dict[str, str] = run.call("GET", "/open/x").json["env"]
    return environment


def aws(service: str, environment: dict[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def test_function_receives_a_gateway_event(run: LocalRun) -> None:
    reply = run.call("POST", "/open/a%20b?x=1&x=2", {"a": 1}, headers={"Cookie": "c=1"})
    event = reply.json["event"]
    assert (event["rawPath"], event["queryStringParameters"], event["cookies"]) == ("/open/a b", {"x": "1,2"}, ["c=1"])
    assert (event["body"], event["routeKey"]) == ('{"a": 1}', "ANY /open/{what}")
    assert event["requestContext"]["requestId"] == reply.headers["apigw-requestid"]
    assert 0 < reply.json["left"] <= 1000


def test_function_imports_modules_of_its_own_folder(run: LocalRun) -> None:
    """As on Lambda. Two functions have modules of the same name, and both run in the same process."""
    for _ in range(3):
        assert run.call("GET", "/open/later").json == ["beside any", "later any"]
        assert run.call("GET", "/meet/beside").json == ["beside meet"]


def test_functions_see_only_the_environment_of_the_template(environment: dict[str, str]) -> None:
    assert (environment["NAME"], environment["GREETING"]) == ("open", "good day")
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "moniqo-local-OpenFunction"
    assert "AWS_PROFILE" not in environment
    assert re.fullmatch("AKIA[A-Z2-7]{16}", environment["AWS_ACCESS_KEY_ID"])


def test_connections_are_kept_alive(run: LocalRun) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)
    for path, status in (("/open/x", 200), ("/nowhere", 404), ("/closed", 401), ("/open/raise", 500), ("/open/y", 200)):
        assert exchange(connection, "POST" if status == 500 else "GET", path, b"body").status == status
        assert connection.sock is not None
    connection.close()


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/open/raise", 500, "Internal Server Error"),
        ("/open/crash", 500, "Internal Server Error"),
        ("/open/odd", 500, "Internal Server Error"),
        ("/open/hang", 500, "Internal Server Error"),
        ("/slow", 503, "Service Unavailable"),
        ("/nowhere", 404, "Not Found"),
        ("/closed", 401, "Unauthorized"),
    ],
)
def test_failures_have_the_gateway_format_and_the_next_call_works(
    run: LocalRun, path: str, status: int, message: str
) -> None:
    reply = run.call("GET", path)
    assert (reply.status, reply.json) == (status, {"message": message})
    assert reply.headers["apigw-requestid"]
    assert run.call("GET", "/open/x").status == 200


def test_large_bodies_are_refused_by_the_gateway(run: LocalRun) -> None:
    assert run.call("POST", "/open/x", b"x" * (10 * 1024 * 1024 + 1)).json == {"message": "Request Entity Too Large"}
    assert run.call("GET", "/open/x", headers={"X-Large": "x" * 10_240}).status == 431


def test_throttled_route_is_429(run: LocalRun) -> None:
    assert run.call("GET", "/limited").status == 200
    reply = run.call("GET", "/limited")
    assert (reply.status, reply.json) == (429, {"message": "Too Many Requests"})


def test_cors_headers_are_sent(run: LocalRun) -> None:
    origin = {"Origin": "https://app.example.com"}
    asked = run.call("OPTIONS", "/closed", headers={**origin, "Access-Control-Request-Method": "GET"})
    assert (asked.status, asked.headers["access-control-allow-methods"]) == (204, "GET")
    assert run.call("GET", "/open/x", headers=origin).headers["access-control-allow-origin"] == origin["Origin"]


def test_responses_are_sent_without_nagle_delay(run: LocalRun) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)
    times = []
    for _ in range(15):
        began = time.monotonic()
        exchange(connection, "GET", "/open/x")
        times.append(time.monotonic() - began)
    connection.close()
    assert min(times) < 0.035, "Nagle's algorithm makes every one 0.04"


def test_concurrent_requests_run_in_two_environments(run: LocalRun) -> None:
    first, second = (http.client.HTTPConnection("127.0.0.1", run.port, timeout=30) for _ in range(2))
    first.request("GET", "/meet/me")
    assert exchange(second, "GET", "/meet/you").status == 200
    assert first.getresponse().status == 200
    first.close()
    second.close()


def test_tokens_are_verified_and_claims_flattened(run: LocalRun, environment: dict[str, str]) -> None:
    token = _access_token(run, environment)
    claims = run.call("GET", "/closed", token=token).json["event"]["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["cognito:groups"] == "[admin]"
    assert all(isinstance(value, str) for value in claims.values())
    head, body, signature = token.split(".")
    for wrong in (f"{head}.{body}x.{signature}", f"{head}.{body}.", "nonsense", token[:-4] + "AAAA"):
        reply = run.call("GET", "/closed", token=wrong)
        assert (reply.status, reply.json) == (401, {"message": "Unauthorized"})
        assert reply.headers["www-authenticate"].startswith("Bearer")


def _access_token(run: LocalRun, environment: dict[str, str]) -> str:
    return str(_tokens(run, environment)["AccessToken"])


def _tokens(run: LocalRun, environment: dict[str, str]) -> dict[str, Any]:
    """Return tokens of the admin."""
    admin = run.description["users"][1]
    answer = aws("cognito-idp", environment).admin_initiate_auth(
        UserPoolId=POOL,
        ClientId=environment["CLIENT"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": admin["email"], "PASSWORD": admin["password"]},
    )
    tokens: dict[str, Any] = answer["AuthenticationResult"]
    return tokens


def _moto(environment: dict[str, str], target: str, body: object, headers: Mapping[str, str], path: str = "/") -> int:
    """Send an operation to the AWS services as a web page could, and return the status. Text is sent as it is."""
    connection = http.client.HTTPConnection(environment["AWS_ENDPOINT_URL"].removeprefix("http://"), timeout=10)
    sent = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1", **headers}
    text = body if isinstance(body, str) else json.dumps(body)
    try:
        return exchange(connection, "POST", path, text.encode(), headers=sent).status
    finally:
        connection.close()


FROM_A_PAGE = {
    "another site": {"Origin": "https://attacker.example"},
    "a page of this machine": {"Origin": "http://localhost:3000"},
    "a sandboxed page": {"Origin": "null"},
    "an image": {"Sec-Fetch-Site": "cross-site"},
    "a rebound name": {"Host": "attacker.example"},
    "a rebound name that ends alike": {"Host": "localhost.attacker.example:80"},
    "no host": {"Host": ""},
}


@pytest.mark.parametrize("headers", FROM_A_PAGE.values(), ids=FROM_A_PAGE)
def test_web_pages_cannot_talk_to_the_aws_services(
    run: LocalRun, environment: dict[str, str], headers: dict[str, str]
) -> None:
    target = "AWSCognitoIdentityProviderService.InitiateAuth"
    refresh = {
        "ClientId": environment["CLIENT"],
        "AuthFlow": "REFRESH_TOKEN_AUTH",
        "AuthParameters": {"REFRESH_TOKEN": _tokens(run, environment)["RefreshToken"]},
    }
    signed = _scope("cognito-idp", environment["AWS_ACCESS_KEY_ID"])

    assert _moto(environment, target, refresh, headers | signed) == 403
    assert _moto(environment, target, refresh, {}) == 200, "functions refresh tokens"


def test_passwords_cannot_be_tried_without_the_access_key_of_the_run(
    run: LocalRun, environment: dict[str, str]
) -> None:
    admin = run.description["users"][1]
    login = {
        "UserPoolId": POOL,
        "ClientId": environment["CLIENT"],
        "AuthParameters": {"USERNAME": admin["email"], "PASSWORD": admin["password"]},
    }
    for name, flow in (("InitiateAuth", "USER_PASSWORD_AUTH"), ("AdminInitiateAuth", "ADMIN_USER_PASSWORD_AUTH")):
        target = f"AWSCognitoIdentityProviderService.{name}"
        assert _moto(environment, target, login | {"AuthFlow": flow}, {}) == 403


def test_aws_services_ask_for_the_access_key_of_the_run(environment: dict[str, str]) -> None:
    ours = aws("secretsmanager", environment)
    assert ours.get_secret_value(SecretId=environment["KEYS"])["SecretString"]
    for key in ("local", "testing", "AKIA" + 16 * "A"):
        other = aws("secretsmanager", environment | {"AWS_ACCESS_KEY_ID": key})
        with pytest.raises(ClientError, match="AccessDenied"):
            other.get_secret_value(SecretId=environment["KEYS"])
    reset = {"UserPoolId": POOL, "Username": "admin@example.com", "Password": "Attacker-1-Owned"}
    assert _moto(environment, "AWSCognitoIdentityProviderService.AdminSetUserPassword", reset, {}) == 403
    connection = http.client.HTTPConnection(environment["AWS_ENDPOINT_URL"].removeprefix("http://"), timeout=10)
    assert exchange(connection, "POST", "/moto-api/reset").status == 403
    connection.close()


def _scope(service: str, key: str = "AKIA" + 16 * "A") -> dict[str, str]:
    """Return the header of a signature with another access key."""
    credential = f"{key}/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}


def test_refresh_without_a_signature_opens_no_other_operation(environment: dict[str, str]) -> None:
    target = "AWSCognitoIdentityProviderService.InitiateAuth"
    refresh = {"AuthFlow": "REFRESH_TOKEN_AUTH"}
    secret = refresh | {"SecretId": environment["KEYS"]}
    reset = refresh | {"UserPoolId": POOL, "Username": "admin@example.com", "Password": "Attacker-1-Owned"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    statuses = {
        "secret by query": _moto(environment, target, secret, _scope("secretsmanager"), "/?Action=GetSecretValue"),
        "secret by body": _moto(
            environment, target, secret | {"x": "&Action=GetSecretValue&"}, _scope("secretsmanager")
        ),
        "reset by query": _moto(environment, target, reset, {}, "/?Action=AdminSetUserPassword"),
        "reset by body": _moto(environment, target, reset | {"x": "&Action=AdminSetUserPassword&"}, {}),
        "reset by a coded body": _moto(environment, target, reset | {"x": "&%41ction=AdminSetUserPassword&"}, {}),
        "list by header": _moto(environment, target, "", {"Action": "ListUserPools"}),
        "list by form": _moto(environment, target, "Action=ListUserPools", form),
        "queues by form": _moto(environment, target, "Action=ListQueues&Version=2012-11-05", form | _scope("sqs")),
        "key set": _moto(environment, target, "", {}, f"/{POOL}/.well-known/jwks.json"),
        "moto": _moto(environment, target, "", {}, "/moto-api/config"),
    }
    assert {name: status for name, status in statuses.items() if status not in {400, 403}} == {}
    connection = http.client.HTTPConnection(environment["AWS_ENDPOINT_URL"].removeprefix("http://"), timeout=10)
    assert exchange(connection, "GET", "/moto-api/data.json", headers={"X-Amz-Target": target}).status == 403
    key_set = f"/{POOL}/.well-known/jwks.json"
    assert exchange(connection, "GET", f"{key_set}?Action=ListUserPools").status == 403
    assert exchange(connection, "GET", key_set, headers=_scope("s3")).status == 403
    assert exchange(connection, "GET", key_set, headers={"X-Amz-Target": "secretsmanager.ListSecrets"}).json["keys"]
    connection.close()


OPEN_AT_AWS: dict[str, dict[str, object]] = {
    "SignUp": {"Username": "new@example.com", "Password": "Correct-Horse-1"},
    "ConfirmSignUp": {"Username": "admin@example.com", "ConfirmationCode": "1"},
    "ForgotPassword": {"Username": "admin@example.com"},
    "ConfirmForgotPassword": {
        "Username": "admin@example.com",
        "ConfirmationCode": "moto-confirmation-code:1",
        "Password": "Attacker-1-Owned",
    },
    "RespondToAuthChallenge": {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeResponses": {"USERNAME": "admin@example.com"},
    },
}


@pytest.mark.parametrize("operation", OPEN_AT_AWS)
def test_operation_that_takes_over_a_user_needs_a_signature(environment: dict[str, str], operation: str) -> None:
    body = {"ClientId": environment["CLIENT"], **OPEN_AT_AWS[operation]}

    assert _moto(environment, f"AWSCognitoIdentityProviderService.{operation}", body, {}) == 403


def test_token_signed_with_the_public_key_of_moto_is_refused(run: LocalRun, environment: dict[str, str]) -> None:
    published = Path(moto.__file__).parent / "cognitoidp" / "resources" / "jwks-private.json.gz"
    key: Any = RSAAlgorithm.from_jwk(json.loads(gzip.decompress(published.read_bytes())))
    token = _access_token(run, environment)
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, key, algorithm="RS256", headers=jwt.get_unverified_header(token))

    assert run.call("GET", "/closed", token=token).status == 200
    assert run.call("GET", "/closed", token=forged).status == 401


def test_each_installation_signs_with_its_own_key(run: LocalRun, tmp_path: Path, place: Path) -> None:
    key = run.state_dir / "signing_key.json"
    assert key.stat().st_mode & 0o777 == 0o600
    with local_run(tmp_path / "state", str(place / "template.yaml"), WORKERS="1") as other:
        assert json.loads((other.state_dir / key.name).read_text())["n"] != json.loads(key.read_text())["n"]


def test_address_of_a_caller_is_that_of_its_connection(run: LocalRun) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    event = run.call("GET", "/open/x", headers=claimed).json["event"]
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"


def test_schedule_fires_and_queue_redelivers_failed_messages(
    run: LocalRun, place: Path, environment: dict[str, str]
) -> None:
    dead = aws("sqs", environment).receive_message(QueueUrl=environment["DEAD"], WaitTimeSeconds=20)["Messages"]
    seen = [json.loads(line) for line in (place / "seen").read_text().splitlines()]
    assert sorted((item["job"], item["received"]) for item in seen) == [("bad", "1"), ("bad", "2"), ("good", "1")]
    assert [json.loads(message["Body"])["job"] for message in dead] == ["bad"]
    assert seen[0]["at"].endswith("Z")


def test_secrets_and_users_survive_a_restart(tmp_path: Path, place: Path) -> None:
    template = str(place / "template.yaml")
    with local_run(tmp_path / "state", template) as run:
        environment = run.call("GET", "/open/x").json["env"]
        aws("secretsmanager", environment).put_secret_value(SecretId=environment["KEYS"], SecretString="the-key")
        cognito = aws("cognito-idp", environment)
        new = {"UserPoolId": POOL, "Username": "new@example.com"}
        cognito.admin_create_user(**new, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**new, Password="Correct-Horse-1", Permanent=True)
        run.process.kill()
    with local_run(tmp_path / "state", template) as run:
        environment = run.call("GET", "/open/x").json["env"]
        secret = aws("secretsmanager", environment).get_secret_value(SecretId=environment["KEYS"])
        assert secret["SecretString"] == "the-key"
        assert len(run.description["users"]) == 2
        answer = aws("cognito-idp", environment).admin_initiate_auth(
            UserPoolId=POOL,
            ClientId=environment["CLIENT"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "new@example.com", "PASSWORD": "Correct-Horse-1"},
        )
        assert answer["AuthenticationResult"]["RefreshToken"]
