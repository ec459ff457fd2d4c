"""Numbers in the environment are validated at start."""

from __future__ import annotations

import pytest

from moniqo_core.config import LARGEST, InvalidSettingError, Settings
from tests.support.stack import template

PARAMETERS = {"wallets_per_user": "WalletsPerUser", "orders_per_minute": "OrdersPerMinute"}
PARAMETERS |= {"syncs_per_minute": "SyncsPerMinute"}


@pytest.mark.parametrize("name", sorted(LARGEST))
@pytest.mark.parametrize("text", ["many", "-1", "0", "1.5", "1e3", "1_000", " 7", "\u0667", "9999999", "9" * 5000])
def test_invalid_number_is_refused_with_its_allowed_range(name: str, text: str) -> None:
    with pytest.raises(InvalidSettingError) as told:
        Settings.from_environment({name.upper(): text})
    start = f"{name.upper()} must be a whole number from 1 to {LARGEST[name]}, not '"
    assert str(told.value).startswith(start)
    assert len(str(told.value)) < len(start) + 50


@pytest.mark.parametrize("name", sorted(LARGEST))
def test_template_parameters_have_the_same_bounds_and_defaults(name: str) -> None:
    declared = template()["Parameters"][PARAMETERS[name]]
    assert (declared["Type"], declared["MinValue"], declared["MaxValue"]) == ("Number", 1, LARGEST[name])
    assert declared["Default"] == getattr(Settings(), name)
    for number in (1, LARGEST[name]):
        assert getattr(Settings.from_environment({name.upper(): str(number)}), name) == number
