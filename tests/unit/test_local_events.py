"""The events of `make run` have the format of AWS."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from local import cors, events
from local.declarations import Cors, Route, Throttle
from local.events import Request
from local.queues import failed_items
from local.throttling import Throttling

ROUTE = Route("POST", "/things/{id}", "GetThingFunction", "Jwt", (), 30, None)
NOW = datetime(2026, 3, 12, 19, 3, 58, tzinfo=UTC)


def request(body: bytes = b"", query: str = "", *headers: tuple[str, str], method: str = "POST") -> Request:
    host = (("host", "localhost:8000"), ("user-agent", "curl/8"))
    return Request(method, "/things/a%20b", query, (*host, *headers), body, "127.0.0.1", "HTTP/1.1", 8000)


def event(given: Request, claims: dict[str, object] | None = None) -> dict[str, object]:
    return events.http_event(given, ROUTE, {"id": "a b"}, request_id="id=", now=NOW, claims=claims)


def test_http_event_has_payload_format_2() -> None:
    built = event(
        request(b'{"a": 1}', "x=1&y=%20&x=2&z", ("content-type", "application/json"), ("accept", "a"), ("accept", "b"))
    )
    assert built == {
        "version": "2.0",
        "routeKey": "POST /things/{id}",
        "rawPath": "/things/a b",
        "rawQueryString": "x=1&y=%20&x=2&z",
        "queryStringParameters": {"x": "1,2", "y": " ", "z": ""},
        "pathParameters": {"id": "a b"},
        "headers": {
            "accept": "a,b",
            "content-length": "8",
            "content-type": "application/json",
            "host": "localhost:8000",
            "user-agent": "curl/8",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "8000",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": "/things/a b",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "id=",
            "routeKey": "POST /things/{id}",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
        },
        "body": '{"a": 1}',
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("application/json; charset=utf-8", "é".encode(), False),
        ("application/problem+json", b"{}", False),
        ("text/csv", b"a", False),
        ("application/json", b"\xff", True),
        ("application/octet-stream", b"a", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
    ],
)
def test_binary_bodies_are_base64_encoded(kind: str, body: bytes, *, encoded: bool) -> None:
    built = event(request(body, "", ("content-type", kind)))
    assert built["isBase64Encoded"] is encoded
    assert built["body"] == (base64.b64encode(body).decode() if encoded else body.decode())


def test_cookies_are_listed_separately() -> None:
    built = event(request(b"", "", ("cookie", "a=1; b=2"), ("cookie", "c=3")))
    assert built["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in built["headers"]  # type: ignore[operator]


def test_claims_are_flattened_to_strings() -> None:
    built = event(request(), {"sub": "u", "cognito:groups": ["admin", "trader"], "exp": 17, "ok": True})
    assert built["requestContext"]["authorizer"] == {  # type: ignore[index]
        "jwt": {"claims": {"sub": "u", "cognito:groups": "[admin trader]", "exp": "17", "ok": "true"}, "scopes": None}
    }


def test_function_result_becomes_the_http_response() -> None:
    answer = events.http_response(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/plain", "X-A": 1, "content-length": "99"},
            "cookies": ["a=1", "b=2"],
            "body": base64.b64encode(b"\xff").decode(),
            "isBase64Encoded": True,
        }
    )
    assert answer.status == 201
    assert answer.body == b"\xff"
    assert answer.headers == [
        ("content-type", "text/plain"),
        ("x-a", "1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


def test_result_without_status_code_is_the_body() -> None:
    assert events.http_response({"a": 1}).body == b'{"a": 1}'


@pytest.mark.parametrize("result", [{"statusCode": "x"}, {"statusCode": 99}, {"statusCode": 200, "body": 1}])
def test_malformed_function_result_raises_an_error(result: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        events.http_response(result)


def test_sqs_event_has_the_aws_shape() -> None:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "b",
        "MD5OfBody": "5",
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {"a": {"StringValue": "v", "DataType": "String"}},
    }
    (record,) = events.sqs_event([message], "arn")["Records"]
    assert record == {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "b",
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            "a": {"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": "5",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn",
        "awsRegion": "us-east-1",
    }


def test_schedule_input_template_is_rendered() -> None:
    template = '{"scheduled_time": "<aws.scheduler.scheduled-time>"}'
    assert events.schedule_event(template, NOW) == {"scheduled_time": "2026-03-12T19:03:58Z"}
    assert events.schedule_event(None, NOW)["time"] == "2026-03-12T19:03:58Z"


@pytest.mark.parametrize(
    ("report", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "c"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, {"a", "b"}),
        ({"batchItemFailures": [{}]}, {"a", "b"}),
        ({"batchItemFailures": 1}, {"a", "b"}),
        ("done", {"a", "b"}),
    ],
)
def test_failed_items_are_read_from_the_batch_report(report: object, failed: set[str]) -> None:
    assert failed_items(report, {"a", "b"}) == failed


def test_throttling_is_a_token_bucket() -> None:
    now = [0.0]
    throttling = Throttling(lambda: now[0])
    limited = Route("GET", "/a", "F", None, (), 30, Throttle(rate=2, burst=3))
    assert [throttling.admits(limited) for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [throttling.admits(limited) for _ in range(2)] == [True, False]
    assert throttling.admits(ROUTE)


CORS = Cors(("https://*.example.com",), ("GET",), ("authorization",), ("x-request-id",), credentials=True, max_age=60)


def test_preflight_is_answered_by_the_gateway() -> None:
    origin = ("origin", "https://app.example.com")
    asked = request(b"", "", origin, ("access-control-request-method", "GET"), method="OPTIONS")
    assert cors.is_preflight(CORS, asked)
    assert not cors.is_preflight(CORS, request(b"", "", origin, method="OPTIONS"))
    assert dict(cors.preflight_headers(CORS, asked)) == {
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-request-id",
        "access-control-allow-methods": "GET",
        "access-control-allow-headers": "authorization",
        "access-control-max-age": "60",
    }


def test_foreign_origin_gets_no_cors_headers() -> None:
    assert cors.headers(CORS, request(b"", "", ("origin", "https://evil.test"))) == []
    assert cors.headers(None, request(b"", "", ("origin", "https://app.example.com"))) == []
