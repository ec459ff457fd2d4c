"""The files in STATE_DIR: what is broken is reported with a way that loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local import signing_key, users
from local.aws import read_secrets
from local.children import PORT_FILE, free_port, last_port
from local.errors import LocalError
from local.state import StateDirectory

BROKEN = {
    "cut": b'{"users": [',
    "empty": b"",
    "no JSON": b"hello",
    "no UTF-8": b"\xff\xfe",
    "null": b"null",
    "a number": b"5",
    "a list": b"[1]",
    "a text": b'"x"',
    "other members": b'{"users": 7, "refresh_tokens": {}, "x": {"versions": 3, "current": "1"}}',
    "members of other types": b'{"users": [{"email": 5}], "refresh_tokens": {"a": 1}, "x": 1}',
    "nested deeply": b"[" * 100_000,
    "a folder": None,
}
READERS: dict[str, Any] = {
    "identity.json": (users.ensure, "do not delete it"),
    "secrets.json": (read_secrets, "do not delete it"),
    "signing_key.json": (signing_key.ensure, "Delete it."),
}


def put(path: Path, content: bytes | None) -> None:
    """Write a file, or make a folder in its place."""
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("name", READERS)
def test_broken_file_is_reported_with_a_way_that_loses_nothing(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    put(tmp_path / name, content)
    read, way = READERS[name]

    with pytest.raises(LocalError) as refusal:
        read(StateDirectory(tmp_path))

    assert str(refusal.value).startswith(f"{tmp_path / name} cannot be read. ")
    assert way in str(refusal.value)


@pytest.mark.parametrize("content", [*BROKEN.values(), b"0", b"-1", b"70000", b"1e400", b"true", b"27017.5"])
def test_nonsense_in_the_kept_port_is_ignored(tmp_path: Path, content: bytes | None) -> None:
    put(tmp_path / PORT_FILE, content)

    port = last_port(StateDirectory(tmp_path))

    assert port in {None, 5}
    assert free_port(port) > 0


def test_kept_port_is_read(tmp_path: Path) -> None:
    assert last_port(StateDirectory(tmp_path)) is None
    put(tmp_path / PORT_FILE, b"27017")
    assert last_port(StateDirectory(tmp_path)) == 27017


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    (tmp_path / "a.json" / "inside").mkdir(parents=True)

    with pytest.raises(LocalError, match=r"a\.json cannot be written"):
        state.write("a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
