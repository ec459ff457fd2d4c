"""Settings of a deployment, read once from the environment by :mod:`moniqo_core.bootstrap`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

_SWITCHES: Final = ("live_trading", "loopback_venues")
_POWERTOOLS: Final = ("service_name", "log_level", "metrics_namespace")
LARGEST: Final[Mapping[str, int]] = {
    "wallets_per_user": 10_000,
    "orders_per_minute": 100_000,
    "syncs_per_minute": 100_000,
}
"""The largest value of each setting that is a whole number. The smallest is 1. template.yaml has the same bounds."""


class SettingError(RuntimeError):
    """The environment of a function is not usable. The text names the variable."""


class MissingSettingError(SettingError):
    """A setting that this function needs is not in its environment."""


class InvalidSettingError(SettingError):
    """A setting has an invalid value. The text says which values are valid."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in the environment. Each field is the variable of the same name in capitals.

    Only ``service_name``, ``log_level`` and ``metrics_namespace`` have the prefix ``POWERTOOLS_``. A function gets only
    the variables that it needs, so most fields may be ``None``. Read such a field with :meth:`need`.
    """

    environment: str = "dev"
    aws_lambda_function_version: str = ""
    mongodb_url: str | None = None
    mongodb_secret_id: str | None = None
    mongodb_database: str = "moniqo"
    key_secret_id: str | None = None
    jwt_issuer: str | None = None
    jwt_client_id: str | None = None
    user_pool_id: str | None = None
    jwt_user_claim: str = "sub"
    jwt_groups_claim: str = "cognito:groups"
    jwt_jwks_url: str | None = None
    price_venues: str = ""
    venue_hosts: str = ""
    polygon_secret_id: str | None = None
    polygon_url: str | None = None
    sync_queue_url: str | None = None
    evaluation_queue_url: str | None = None
    egress_address: str | None = None
    live_trading: bool = False
    wallets_per_user: int = 100
    orders_per_minute: int = 600
    syncs_per_minute: int = 60
    loopback_venues: bool = False
    service_name: str = "moniqo"
    log_level: str = "INFO"
    metrics_namespace: str = "Moniqo"

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Return the settings in ``env``. An empty variable counts as absent.

        Raises:
            InvalidSettingError: a number is not a whole number, or is out of bounds.

        """
        names = {field.name for field in fields(cls)} - {*_SWITCHES, *_POWERTOOLS, *LARGEST}
        given: dict[str, Any] = {name: env[name.upper()] for name in names if env.get(name.upper())}
        given |= {name: _number(name.upper(), env, most) for name, most in LARGEST.items() if env.get(name.upper())}
        if "jwt_issuer" in given:
            given.setdefault("jwt_jwks_url", given["jwt_issuer"].rstrip("/") + "/.well-known/jwks.json")
        return cls(
            **given,
            live_trading=_is_on("LIVE_TRADING", env),
            loopback_venues=_is_on("LOOPBACK_VENUES", env),
            service_name=env.get("POWERTOOLS_SERVICE_NAME") or "moniqo",
            log_level=(env.get("POWERTOOLS_LOG_LEVEL") or "INFO").upper(),
            metrics_namespace=env.get("POWERTOOLS_METRICS_NAMESPACE") or "Moniqo",
        )

    def need(self, name: str) -> str:
        """Return the setting called ``name``.

        Raises:
            MissingSettingError: the environment does not have it.

        """
        value = getattr(self, name)
        if not value:
            message = f"{name.upper()} is not set."
            raise MissingSettingError(message)
        return str(value)

    def listed(self, name: str) -> tuple[str, ...]:
        """Return the entries of the setting called ``name``, which are separated by commas."""
        return tuple(filter(None, str(getattr(self, name)).replace(" ", "").split(",")))


def _number(variable: str, env: Mapping[str, str], most: int) -> int:
    text = env[variable]
    # int() alone would also accept signs, spaces, underscores and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        message = f"{variable} must be a whole number from 1 to {most}, not {text[:40]!r}."
        raise InvalidSettingError(message)
    return int(text)


def _is_on(variable: str, env: Mapping[str, str]) -> bool:
    return env.get(variable, "").lower() == "true"
