"""Structured logs: one JSON object per line on standard output, in which everything like a credential is masked.

The standard library's logging is enough here. Powertools' Logger adds 35 ms to every cold start and 20 us to every
request. The lines have its format, so queries for it work: level, location, message, timestamp and service, and the
invocation's cold_start, function_name and function_request_id.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Final, TextIO

MASK: Final = "***"

_PLAIN: Final = (str, int, float, type(None))

_encode: Final = json.JSONEncoder(default=str).encode
_SIGNS: Final = (
    "eyj", "gaaaa", "://", "bearer", "basic", "akia", "asia", "-----begin",
    "password=", "secret=", "token=", "signature=", "apikey=", "api_key=",
)  # fmt: skip

logger: Final = logging.getLogger("moniqo")

# The formatter of the process, once it is configured.
_formatters: Final[list[JsonFormatter]] = []

# An execution environment runs one invocation at a time.
_invocation: Final[dict[str, object]] = {}

_SECRET_NAME: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|authorization|api_?key|private_?key|cookie|ciphertext|material",
    re.IGNORECASE,
)
_SECRET_TEXT: Final = re.compile(
    r"eyJ[\w-]{8,}(?:\.[\w-]*)*"  # JWT, JWE
    r"|(?:v\d+:[\w-]+:)?gAAAA[\w=-]{16,}"  # Fernet token, with our prefix or without
    r"|(?<=://)[^/\s:@\"]+:[^/\s@\"]+(?=@)"  # user and password of a URL
    r"|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|-----BEGIN[^-]*PRIVATE KEY-----.*?(?:-----END[^-]*-----|\Z)"
    r"|(?i:(?<=password=)|(?<=secret=)|(?<=token=)|(?<=signature=)|(?<=apikey=)|(?<=api_key=))[^&\s\"',}]+",
    re.ASCII | re.DOTALL,
)


def redact(text: str) -> str:
    """Return ``text`` with every part that looks like a credential masked."""
    return _SECRET_TEXT.sub(MASK, text) if _may_hold_secrets(text) else text


def _may_hold_secrets(text: str) -> bool:
    """Tell whether :data:`_SECRET_TEXT` might match. It takes a microsecond and is False for nearly every line."""
    lower = text.lower()
    for sign in _SIGNS:  # noqa: SIM110 - any() with a generator takes three times as long
        if sign in lower:
            return True
    return False


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name))


def without_secrets(value: object) -> object:
    """Copy JSON-like data. Values under the name of a secret are masked as a whole, and other text is redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            redact(str(name)): MASK if _is_secret(str(name)) else without_secrets(item) for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(item) for item in value]
    return value if isinstance(value, int | float) or value is None else redact(str(value))


def describe(error: BaseException) -> dict[str, object]:
    """Return what failed and where, without the exception's own text, which may quote what a user sent."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    described: dict[str, object] = {"exception": type(error).__qualname__, "frames": frames[-12:]}
    number = getattr(error, "code", None)
    if isinstance(number, int):
        described["exception_code"] = number
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = type(cause).__qualname__
    return described


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON. Its fields come from ``extra={"fields": {...}}``."""

    def __init__(self, service: str) -> None:
        """Set the name of the service, which every line contains."""
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a redacted line of JSON."""
        location = f"{record.funcName}:{record.lineno}"
        fields: Mapping[str, object] = record.__dict__.get("fields") or {}
        line = self.content(record.levelname, location, record.getMessage(), record.created, fields)
        if record.exc_info and record.exc_info[1] is not None:
            line.update(describe(record.exc_info[1]))
        if record.name != logger.name:
            line["logger"] = record.name
        return _text(line)

    def content(
        self, level: str, location: str, message: str, at: float, fields: Mapping[str, object]
    ) -> dict[str, object]:
        """Return what a line says, with ``fields`` in which values under the names of secrets are masked."""
        seconds = int(at)
        line: dict[str, object] = {
            "level": level,
            "location": location,
            "message": message,
            "timestamp": f"{_time_of(seconds)}.{int((at - seconds) * 1000):03d}Z",
            "service": self.service,
            **_invocation,
        }
        for name, value in fields.items():
            line[name] = MASK if _is_secret(name) else value if isinstance(value, _PLAIN) else without_secrets(value)
        return line


@lru_cache(maxsize=1)
def _time_of(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _text(line: Mapping[str, object]) -> str:
    text = _encode(line)
    return _encode(without_secrets(line)) if _may_hold_secrets(text) else text


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to the current ``sys.stdout``, even if it was replaced after logging was configured."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def configure(service: str, level: str) -> None:
    """Send every log line of the process from ``level`` on through :class:`JsonFormatter`. Repeated calls are safe.

    Lambda itself keeps every line from INFO on, whatever ``level`` is, because metrics are lines without a level.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _StandardOutput) or type(handler).__module__.startswith("awslambdaric"):
            root.removeHandler(handler)
    output = _StandardOutput()
    formatter = JsonFormatter(service)
    output.setFormatter(formatter)
    _formatters[:] = [formatter]
    output.setLevel(level)
    root.addHandler(output)
    logger.setLevel(level)
    for talkative in ("mangum", "botocore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def begin(context: object) -> None:
    """Add the invocation of ``context`` to every line from here on. The first invocation counts as the cold start."""
    _invocation.update(
        cold_start=not _invocation,
        function_name=getattr(context, "function_name", None),
        function_request_id=getattr(context, "aws_request_id", None),
    )


def request(**fields: object) -> None:
    """Log an answered request: the line of :func:`info`, in a third of its time, because every request writes one."""
    if not _formatters:
        info("request", **fields)
    elif sys.stdout is not None and logger.isEnabledFor(logging.INFO):
        line = _formatters[0].content("INFO", "request", "request", time.time(), fields)
        with suppress(OSError, ValueError):  # as in the logging module, a lost line does not fail the request
            sys.stdout.write(_text(line) + "\n")
            sys.stdout.flush()


def info(message: str, **fields: object) -> None:
    """Log an event that is worth counting."""
    logger.info(message, extra={"fields": fields}, stacklevel=2)


def warning(message: str, **fields: object) -> None:
    """Log a failure that was handled."""
    logger.warning(message, extra={"fields": fields}, stacklevel=2)


def error(message: str, cause: BaseException | None = None, **fields: object) -> None:
    """Log a failure that needs attention. ``cause`` is described, and its text is never quoted."""
    logger.error(message, exc_info=cause, extra={"fields": fields}, stacklevel=2)
