"""STATE_DIR, which survives a restart. It holds passwords and keys, so directories are 0700 and files 0600."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from local.errors import LocalError

_LOCK_WAIT_SECONDS = 8.0


class StateDirectory:
    """The files of one local installation, used by one `make run` at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the directory. ``LocalError`` tells that it cannot be used."""
        try:
            for directory in (self.path, self.path / "logs", self.path / "mongodb"):
                directory.mkdir(parents=True, exist_ok=True)
                directory.chmod(0o700)
        except OSError as error:
            raise LocalError(f"STATE_DIR {self.path} cannot be used: {error.strerror}.") from None

    def lock(self) -> IO[str]:
        """Lock the directory for this process and the children that inherit the file.

        The lock ends with the last of them.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LocalError(f"{self.path / 'lock'} cannot be used: {error.strerror}. Delete it.") from None
        file = os.fdopen(descriptor, "r+", encoding="ascii", errors="replace")
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                owner = file.read().strip()
                file.seek(0)
                if time.monotonic() > deadline or _alive(owner):
                    raise LocalError(
                        f"{self.path} is in use by another `make run` (process {owner}). Stop it, or set STATE_DIR."
                    ) from None
                time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def read(self, name: str, is_valid: Callable[[Any], bool], advice: str) -> Any:
        """Return the content of a JSON file, or nothing if there is no file.

        ``LocalError`` with the advice if it cannot be read, is not JSON or ``is_valid`` refuses it.
        """
        content: Any = None
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
            valid = is_valid(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            valid = False
        if not valid:
            raise LocalError(f"{self.path / name} cannot be read. {advice}")
        return content

    def write(self, name: str, content: object) -> None:
        """Replace a JSON file atomically, so that a crash leaves the old or the new content."""
        self.write_text(name, json.dumps(content, indent=2) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace a file atomically. ``LocalError`` if that fails, and the old file stays."""
        temporary = self.path / f".{name}.{os.getpid()}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path / name)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise LocalError(f"{self.path / name} cannot be written: {error.strerror}.") from None

    def remove(self, name: str) -> None:
        """Delete a file if it exists."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise LocalError(f"{self.path / name} cannot be removed: {error.strerror}.") from None

    def log(self, name: str) -> IO[bytes]:
        """Open a log, and keep the log of the previous run under another name."""
        path = self.path / "logs" / f"{name}.log"
        try:
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)
        except OSError as error:
            raise LocalError(f"{path} cannot be written: {error.strerror}.") from None


def _alive(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
