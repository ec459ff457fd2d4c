"""How `make run` reads template.yaml and matches routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import names
from local.declarations import Route, Throttle
from local.errors import TemplateError
from local.routing import Router
from local.template import Template

SAMPLE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  SyncRate: {Type: String, Default: rate(5 minutes)}
  Issuer: {Type: String, Default: ''}
  Origins: {Type: CommaDelimitedList, Default: 'https://app.example.com, http://localhost:3000'}
Conditions:
  ForeignIssuer: !Not [!Equals [!Ref Issuer, '']]
Globals:
  Function:
    Timeout: 10
    Handler: app.handler
    MemorySize: 512
    Environment:
      Variables:
        ENVIRONMENT: dev
        JWT_ISSUER: !If [ForeignIssuer, !Ref Issuer, !GetAtt Users.ProviderURL]
        UNUSED: !If [ForeignIssuer, !Ref Issuer, !Ref AWS::NoValue]
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefaultRouteSettings: {ThrottlingBurstLimit: 20, ThrottlingRateLimit: 10}
      CorsConfiguration: {AllowOrigins: !Ref Origins, AllowMethods: [GET, POST], MaxAge: 600}
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: !GetAtt Users.ProviderURL, audience: [!Ref Client]}
  Users: {Type: AWS::Cognito::UserPool, Properties: {UsernameAttributes: [email]}}
  Client: {Type: AWS::Cognito::UserPoolClient, Properties: {UserPoolId: !Ref Users}}
  KeySecret: {Type: AWS::SecretsManager::Secret}
  DeadLetters: {Type: AWS::SQS::Queue}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 3}
  GetThingFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/get_thing/
      Environment: {Variables: {ENVIRONMENT: prod, KEY_SECRET_ID: !Ref KeySecret}}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/things/{thing_id}', Method: get}}
        List: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /things, Method: GET, Auth: {Authorizer: NONE}}}
  RunJobsFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/get_thing/
      Timeout: 60
      Environment: {Variables: {QUEUE_URL: !Ref Jobs, NOTE: !Sub '${AWS::StackName}/${Jobs.Arn}/${!literal}'}}
      Events:
        Tick:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: !Ref SyncRate
            Input: '{"scheduled_time": "<aws.scheduler.scheduled-time>"}'
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 5
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 3}
"""


def read(tmp_path: Path, text: str = SAMPLE, **parameters: str) -> Template:
    code = tmp_path / "functions" / "get_thing"
    code.mkdir(parents=True, exist_ok=True)
    (code / "app.py").write_text("def handler(event, context): return {}\n")
    (tmp_path / "template.yaml").write_text(text)
    return Template(tmp_path / "template.yaml", "http://127.0.0.1:4000", "http://localhost:8000", parameters)


def test_function_environment_merges_globals_and_resolves_references(tmp_path: Path) -> None:
    functions = read(tmp_path).functions
    get, run = functions["GetThingFunction"], functions["RunJobsFunction"]
    assert get.environment == {
        "ENVIRONMENT": "prod",
        "JWT_ISSUER": f"https://cognito-idp.us-east-1.amazonaws.com/{names.POOL_ID}",
        "KEY_SECRET_ID": "arn:aws:secretsmanager:us-east-1:123456789012:secret:moniqo-local-KeySecret",
    }
    assert run.environment["QUEUE_URL"] == "http://127.0.0.1:4000/123456789012/moniqo-local-Jobs"
    assert run.environment["NOTE"] == "moniqo-local/arn:aws:sqs:us-east-1:123456789012:moniqo-local-Jobs/${literal}"
    assert (get.timeout, run.timeout, get.memory) == (10, 60, 512)


def test_routes_carry_authorizer_and_throttling(tmp_path: Path) -> None:
    get, listing = read(tmp_path).routes
    assert (get.key, get.authorizer, get.throttle) == ("GET /things/{thing_id}", "Jwt", Throttle(10, 20))
    assert (listing.key, listing.authorizer, listing.timeout) == ("GET /things", None, 30)


def test_authorizer_and_cors_come_from_the_template(tmp_path: Path) -> None:
    template = read(tmp_path)
    assert template.authorizers["Jwt"].audience == (names.CLIENT_ID,)
    assert template.authorizers["Jwt"].issuer.endswith(names.POOL_ID)
    assert template.cors is not None
    assert (template.cors.origins, template.cors.max_age) == (
        ("https://app.example.com", "http://localhost:3000"),
        600,
    )


def test_schedule_and_queue_mapping_are_read(tmp_path: Path) -> None:
    template = read(tmp_path)
    (schedule,) = template.schedules
    (mapping,) = template.mappings
    assert (schedule.function, schedule.period) == ("RunJobsFunction", 300)
    assert (mapping.queue, mapping.batch_size, mapping.partial, mapping.concurrency) == ("Jobs", 5, True, 3)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("Resources:", "Resources", "template.yaml line"),
        ("Resources:", "Assets:", "template.yaml has no Resources"),
        ("  Client: {Type: AWS::Cognito::UserPoolClient,", "  Client: {Kind: x,", "the resource Client has no Type"),
        ("!Ref SyncRate", "cron(0 12 * * ? *)", "supports only rate(...) schedules"),
        ("rate(5 minutes)", "rate(5 fortnights)", "supports only rate(...) schedules"),
        ("!Ref KeySecret", "!Ref Nowhere", "Nowhere is neither a parameter nor a resource"),
        ("!Ref KeySecret", "!Cidr [a, b]", "cannot resolve Fn::Cidr"),
        ("!Ref KeySecret", "!Select [9, [a]]", "Fn::Select has an invalid argument"),
        ("DefaultAuthorizer: Jwt", "DefaultAuthorizer: Other", "the authorizer Other is not defined"),
        ("Queue: !GetAtt Jobs.Arn", "Queue: arn:aws:sqs:us-east-1:1:other", "its queue is not defined"),
        ("    Timeout: 10", "    Timeout: soon", "GetThingFunction is not valid"),
        ("  Function:\n    Timeout: 10", "  Function: 10\n  Other:\n    Timeout: 10", "Globals is not valid"),
        ("Globals:", "Globals: [1]\nOther:", "Globals is not valid"),
        ("Events:\n        Get:", "Events: all\n      Other:\n        Get:", "GetThingFunction is not valid"),
        ("BatchSize: 5", "BatchSize: {}", "RunJobsFunction.Queue is not valid"),
        ("MaxAge: 600", "MaxAge: long", "CorsConfiguration is not valid"),
        ("SyncRate: {Type: String, Default: rate(5 minutes)}", "SyncRate: 5", "Parameters is not valid"),
        ("Type: ScheduleV2", "Type: Kinesis", "does not support events of type Kinesis"),
        ("CodeUri: functions/get_thing/\n      T", "CodeUri: functions/gone/\n      T", "there is no app.handler"),
    ],
)
def test_broken_template_is_reported_in_one_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in SAMPLE
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, SAMPLE.replace(old, new))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parameters_replace_defaults(tmp_path: Path) -> None:
    template = read(tmp_path, SyncRate="rate(2 hours)", Origins="https://a.example, https://b.example")
    assert template.schedules[0].period == 7200
    assert template.cors is not None
    assert template.cors.origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"SyncRat": "x"}, "has no parameter SyncRat. Its parameters are SyncRate, Issuer, Origins, Level"),
        ({"Level": "loud"}, "Level must be one of low, high, not 'loud'"),
        ({"Count": "many"}, "Count must be a whole number from 1 to 9, not 'many'"),
        ({"Count": "0"}, "Count must be a whole number from 1 to 9, not '0'"),
        ({"Count": "10"}, "Count must be a whole number from 1 to 9, not '10'"),
        ({"Count": "nan"}, "Count must be a whole number from 1 to 9, not 'nan'"),
        ({"Count": "1.5"}, "Count must be a whole number from 1 to 9, not '1.5'"),
        ({"Count": "+5"}, "Count must be a whole number from 1 to 9, not '+5'"),
        ({"Name": "A"}, "Name must match ^[a-z]+$, but is 'A'"),
    ],
)
def test_invalid_parameter_is_refused(tmp_path: Path, parameters: dict[str, str], complaint: str) -> None:
    more = """\
  Level: {Type: String, Default: low, AllowedValues: [low, high]}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
  Name: {Type: String, Default: a, AllowedPattern: "^[a-z]+$"}
Conditions:"""
    text = SAMPLE.replace("Conditions:", more)
    read(tmp_path, text, Level="high", Count="9", Name="b")
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, text, **parameters)
    assert complaint in str(caught.value)


def route(method: str, path: str) -> Route:
    return Route(method, path, "F", None, (), 30, None)


ROUTER = Router(
    [
        route("GET", "/files/{proxy+}"),
        route("GET", "/things/{id}"),
        route("GET", "/things/special"),
        route("ANY", "/things/{id}"),
        route("GET", "/things/{id}/parts/{part}"),
        route("GET", "/files/index"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/things/special", ("GET /things/special", {})),
        ("GET", "/things/7", ("GET /things/{id}", {"id": "7"})),
        ("POST", "/things/special", ("ANY /things/{id}", {"id": "special"})),
        ("GET", "/things/a%2Fb", ("GET /things/{id}", {"id": "a/b"})),
        ("GET", "/things/7/parts/BTC%2FUSDT", ("GET /things/{id}/parts/{part}", {"id": "7", "part": "BTC/USDT"})),
        ("GET", "/files/index", ("GET /files/index", {})),
        ("GET", "/files/a/b%20c", ("GET /files/{proxy+}", {"proxy": "a/b c"})),
        ("GET", "/files/", None),
        ("GET", "/things/", None),
        ("GET", "/things", None),
        ("GET", "/things/7/", None),
        ("POST", "/files/index", None),
        ("GET", "/", None),
    ],
)
def test_most_specific_route_matches(method: str, path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    match = ROUTER.match(method, path)
    assert (match and (match[0].key, match[1])) == expected
