"""Plain values for the declarations of the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """One Lambda function. ``timeout`` is in seconds, ``memory`` in MB."""

    logical_id: str
    code: Path
    handler: str
    timeout: float
    memory: int
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Throttle:
    """A token bucket: ``rate`` requests a second, ``burst`` at once."""

    rate: float
    burst: float


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API. ``timeout`` of its integration is in seconds."""

    method: str
    path: str
    function: str
    authorizer: str | None
    scopes: tuple[str, ...]
    timeout: float
    throttle: Throttle | None

    @property
    def key(self) -> str:
        """Return the route key as API Gateway writes it."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class JwtAuthorizer:
    """A JWT authorizer: who issued the token, and for whom."""

    issuer: str
    audience: tuple[str, ...]
    header: str


@dataclass(frozen=True)
class Cors:
    """The API's CORS configuration."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age: int | None


@dataclass(frozen=True)
class Schedule:
    """A ScheduleV2 that fires ``function`` every ``period`` seconds."""

    name: str
    function: str
    period: float
    input: str | None


@dataclass(frozen=True)
class QueueMapping:
    """An SQS event source mapping. ``window`` is in seconds."""

    name: str
    function: str
    queue: str
    batch_size: int
    window: float
    partial: bool
    concurrency: int
