"""A failing test leaves no process and no file of the emulator."""

from __future__ import annotations

import os

import pytest

from tests.support.emulator import emulator
from tests.support.local_run import gone, is_free


def test_failing_test_leaves_no_process_or_file() -> None:
    with pytest.raises(RuntimeError), emulator(os.environ["MINISTACK_PYTHON"]) as aws:
        raise RuntimeError
    assert gone([aws.pid])
    assert is_free(aws.port)
    assert not aws.folder.exists()
