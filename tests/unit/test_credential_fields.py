"""Separating credentials into secrets and settings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from moniqo_core.domain.errors import InvalidCredentialsError
from moniqo_core.domain.wallets.definition import CredentialField
from moniqo_core.services.wallets.credential_fields import check_credentials, initial_balance

FIELDS = (
    CredentialField("api_key", "Key", validation_regex=r"[a-z]{4,}"),
    CredentialField("api_secret", "Secret", is_required=False),
    CredentialField("initial_balance_usd", "Balance", is_required=False, is_encrypted=False),
)


def secret(**values: str) -> dict[str, SecretStr]:
    return {name: SecretStr(value) for name, value in values.items()}


def test_secrets_and_settings_are_separated() -> None:
    checked = check_credentials(FIELDS, secret(api_key="abcd", initial_balance_usd="500"))

    assert checked.secrets == secret(api_key="abcd")
    assert checked.settings == {"initial_balance_usd": "500"}
    assert checked.everything == {"api_key": "abcd", "initial_balance_usd": "500"}
    assert "abcd" not in repr(checked)


@pytest.mark.parametrize("name", ["api_secret", "api_key", "passphrase", "account"])
def test_credential_of_a_stored_definition_is_encrypted_whatever_it_says(name: str) -> None:
    """Release 0.1.0 let an admin declare any text field unencrypted."""
    checked = check_credentials([CredentialField(name, "Label", is_encrypted=False)], secret(**{name: "value"}))

    assert (checked.secrets, checked.settings) == (secret(**{name: "value"}), {})


def test_all_invalid_fields_are_reported_at_once() -> None:
    with pytest.raises(InvalidCredentialsError) as refusal:
        check_credentials(FIELDS, secret(api_key="AB", other="x"))

    errors = refusal.value.members["errors"]
    assert isinstance(errors, list)
    assert {(error["field"], error["code"]) for error in errors} == {
        ("credentials.api_key", "invalid"),
        ("credentials.other", "unknown"),
    }


def test_invalid_pattern_refuses_the_credential() -> None:
    field = CredentialField("api_key", "Key", validation_regex="(")

    with pytest.raises(InvalidCredentialsError):
        check_credentials((field,), secret(api_key="abcd"))


@given(st.dictionaries(st.text(max_size=20), st.text(min_size=6, max_size=20).map(lambda text: f"canary{text}")))
def test_refusal_contains_no_credential_value(values: dict[str, str]) -> None:
    given_values = {name: SecretStr(value) for name, value in values.items()} | secret(unknown="canary-unknown")

    with pytest.raises(InvalidCredentialsError) as refusal:
        check_credentials(FIELDS, given_values)

    shown = f"{refusal.value!r} {refusal.value.members}"
    assert not any(value in shown for value in [*values.values(), "canary-unknown"])


@given(st.decimals(min_value="0.0001", max_value="1000000000000", places=4))
def test_any_positive_balance_of_four_decimal_places_is_accepted(balance: Decimal) -> None:
    assert initial_balance({"initial_balance_usd": f"{balance:f}"}) == balance
