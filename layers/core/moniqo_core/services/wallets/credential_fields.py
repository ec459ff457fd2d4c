"""Check a user's credentials against the fields of the wallet definition. Errors never quote values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import SecretStr

from moniqo_core.domain.errors import InvalidCredentialsError
from moniqo_core.domain.money import parse, plain
from moniqo_core.domain.safe_names import is_safe_to_repeat
from moniqo_core.domain.wallets.definition import INITIAL_BALANCE, CredentialField
from moniqo_core.services.wallets.linear_time_patterns import Pattern, UnusablePatternError

DEFAULT_INITIAL_BALANCE: Final = "10000"
LARGEST_INITIAL_BALANCE: Final = Decimal(1000000000000)
INITIAL_BALANCE_PLACES: Final = 4

MAX_VALUE_LENGTH: Final = 8192
# An admin writes the pattern. Matching takes time in proportion to the sizes of pattern and text.
MAX_MATCHED_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class CheckedCredentials:
    """Credentials that fit the definition. ``secrets`` must be encrypted, ``settings`` are stored as they are."""

    secrets: Mapping[str, SecretStr]
    settings: Mapping[str, str]

    @property
    def everything(self) -> dict[str, str]:
        """All fields in plain text, for the wallet that connects with them."""
        return {**self.settings, **{name: value.get_secret_value() for name, value in self.secrets.items()}}


def check_credentials(fields: Sequence[CredentialField], given: Mapping[str, SecretStr]) -> CheckedCredentials:
    """Check credentials and split them into secrets and settings.

    Raises:
        InvalidCredentialsError: with ``errors`` naming every field that is missing, unknown or malformed.

    """
    known = {field.field_name for field in fields}
    errors = [
        # A malformed name may be a secret that was pasted into the wrong place, so it is not repeated.
        _error(name if is_safe_to_repeat(name) else None, "unknown", "The wallet definition has no such field.")
        for name in given
        if name not in known
    ]
    secrets: dict[str, SecretStr] = {}
    settings: dict[str, str] = {}
    for field in fields:
        name = field.field_name
        value = given.get(name)
        if value is None or not value.get_secret_value():
            if field.is_required:
                errors.append(_error(name, "missing", "The field is required."))
            continue
        problem = _problem(field, value.get_secret_value())
        if problem:
            errors.append(_error(name, "invalid", problem))
        elif field.is_setting:
            settings[name] = value.get_secret_value()
        else:
            secrets[name] = value
    if errors:
        raise InvalidCredentialsError("The credentials do not match the wallet definition.", errors=errors)
    return CheckedCredentials(secrets, settings)


def initial_balance(settings: Mapping[str, str]) -> Decimal:
    """Return the starting balance of a demo wallet, in US dollars.

    Raises:
        InvalidCredentialsError: the balance is not a plain decimal of at most four places, or out of bounds.

    """
    try:
        balance = parse(settings.get(INITIAL_BALANCE, DEFAULT_INITIAL_BALANCE))
    except ValueError:
        raise _refuse_balance("It must be a plain decimal number.") from None
    problem = initial_balance_problem(balance)
    if problem is not None:
        raise _refuse_balance(problem)
    return balance


def initial_balance_problem(balance: Decimal) -> str | None:
    """Return why a demo wallet cannot start with this balance, or None if it can."""
    if not 0 < balance <= LARGEST_INITIAL_BALANCE:
        return f"It must be above 0 and at most {plain(LARGEST_INITIAL_BALANCE)}."
    if balance != round(balance, INITIAL_BALANCE_PLACES):
        return f"It must have at most {INITIAL_BALANCE_PLACES} decimal places."
    return None


def _problem(field: CredentialField, value: str) -> str | None:
    if len(value) > MAX_VALUE_LENGTH:
        return f"The value is longer than {MAX_VALUE_LENGTH} characters."
    if field.validation_regex is None:
        return None
    if len(value) > MAX_MATCHED_LENGTH:
        return f"The value is longer than {MAX_MATCHED_LENGTH} characters."
    try:
        matches = Pattern(field.validation_regex).matches(value)
    except UnusablePatternError:
        return "The pattern of this field in the wallet definition is invalid. Ask an admin to correct it."
    return None if matches else "The value does not match the format in the wallet definition."


def _refuse_balance(message: str) -> InvalidCredentialsError:
    errors = [_error(INITIAL_BALANCE, "invalid", message)]
    return InvalidCredentialsError("The credentials do not match the wallet definition.", errors=errors)


def _error(name: str | None, code: str, message: str) -> dict[str, str]:
    return {"field": "credentials" if name is None else f"credentials.{name}", "message": message, "code": code}
