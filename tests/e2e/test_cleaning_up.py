"""A test that fails leaves nothing of the emulator behind."""

from __future__ import annotations

import os

import pytest

from tests.support.emulator import emulator
from tests.support.local_run import gone, is_free


def test_nothing_is_left_when_a_test_fails() -> None:
    with pytest.raises(RuntimeError), emulator(os.environ["MINISTACK_PYTHON"]) as aws:
        raise RuntimeError
    assert gone([aws.pid])
    assert is_free(aws.port)
    assert not aws.folder.exists()
