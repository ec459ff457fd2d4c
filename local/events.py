"""The events that AWS passes to functions, and the answers that it makes from their results."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local import names
from local.declarations import Route

_TEXT_TYPES = ("application/json", "application/javascript", "application/xml", "text/")


@dataclass(frozen=True)
class Request:
    """One HTTP request as received. Header names are lower-case."""

    method: str
    raw_path: str
    raw_query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    client: str
    protocol: str
    port: int

    def header(self, name: str) -> str:
        """Return the value of a header, or nothing. Several values are joined by commas."""
        return ",".join(value for key, value in self.headers if key == name)


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def http_event(
    request: Request,
    route: Route,
    parameters: Mapping[str, str],
    *,
    request_id: str,
    now: datetime,
    claims: Mapping[str, object] | None,
) -> dict[str, Any]:
    """Build the event of payload format 2.0, as an HTTP API with the stage `$default` sends it."""
    path = unquote(request.raw_path)
    host = request.header("host")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": request.raw_query,
        "headers": _headers(request),
        "requestContext": {
            "accountId": names.ACCOUNT,
            "apiId": names.API_ID,
            "domainName": host.rpartition(":")[0] or host,
            "domainPrefix": names.API_ID,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.client,
                "userAgent": request.header("user-agent"),
            },
            "requestId": request_id,
            "routeKey": route.key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    if claims is not None:
        event["requestContext"]["authorizer"] = {
            "jwt": {"claims": flatten_claims(claims), "scopes": list(route.scopes) or None}
        }
    cookies = [part.strip() for value in _values(request, "cookie") for part in value.split(";") if part.strip()]
    if cookies:
        event["cookies"] = cookies
    query = _query(request.raw_query)
    if query:
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = dict(parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request)
    return event


def _values(request: Request, name: str) -> list[str]:
    return [value for key, value in request.headers if key == name]


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers:
        if name not in ("cookie", "connection", "keep-alive", "transfer-encoding"):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    joined.setdefault("content-length", str(len(request.body)))
    forwarded = joined.get("x-forwarded-for")
    joined["x-forwarded-for"] = f"{forwarded}, {request.client}" if forwarded else request.client
    joined["x-forwarded-port"] = str(request.port)
    joined["x-forwarded-proto"] = "http"
    return dict(sorted(joined.items()))


def _query(raw: str) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _body(request: Request) -> tuple[str, bool]:
    kind = request.header("content-type").split(";")[0].strip().lower()
    if kind.startswith(_TEXT_TYPES) or kind.endswith(("+json", "+xml")):
        try:
            return request.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), True


def flatten_claims(claims: Mapping[str, object]) -> dict[str, str]:
    """Write claims as the JWT authorizer does: every value as text, and a list as `[admin trader]`."""
    return {name: _claim(value) for name, value in claims.items()}


def _claim(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(_claim, value)) + "]"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def http_response(result: object) -> Response:
    """Turn the result of a function into the answer. ``ValueError`` or ``TypeError`` if it has the wrong shape."""
    if not isinstance(result, dict) or "statusCode" not in result:
        plain = b"" if result is None else json.dumps(result).encode()
        return Response(200, [("content-type", "application/json")], plain)
    status = int(result["statusCode"])
    if status not in range(200, 600):
        raise ValueError(f"status {status}")
    headers = [(str(name).lower(), str(value)) for name, value in (result.get("headers") or {}).items()]
    for name, values in (result.get("multiValueHeaders") or {}).items():
        headers = [pair for pair in headers if pair[0] != name.lower()]
        headers.append((name.lower(), ",".join(map(str, values))))
    headers += [("set-cookie", cookie) for cookie in result.get("cookies") or ()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    text = result.get("body") or ""
    if not isinstance(text, str):
        raise TypeError("body is not text")
    raw = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text.encode()
    return Response(status, [pair for pair in headers if pair[0] not in ("content-length", "connection")], raw)


def gateway_response(status: int, message: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Build an answer of API Gateway itself, which has its own shape and not that of the service."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return Response(status, [("content-type", "application/json"), *headers], body)


def sqs_event(messages: Iterable[Mapping[str, Any]], queue_arn: str) -> dict[str, Any]:
    """Build the event of an SQS event source mapping from an answer of ReceiveMessage."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {
                    name: {
                        "stringValue": value.get("StringValue"),
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": value["DataType"],
                    }
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": names.REGION,
            }
            for message in messages
        ]
    }


def schedule_event(template: str | None, scheduled: datetime) -> Any:
    """Render the Input of a schedule, or Scheduler's default event if there is none."""
    moment = scheduled.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if template is None:
        return {
            "version": "0",
            "source": "aws.scheduler",
            "detail-type": "Scheduled Event",
            "time": moment,
            "detail": "{}",
        }
    return json.loads(template.replace("<aws.scheduler.scheduled-time>", moment))
