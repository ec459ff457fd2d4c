"""The embedded MongoDB, as a child process: SecantusDB's own command, tied to the life of `make run`."""

from __future__ import annotations

import sys

from local.lifeline import follow_parent


def main() -> int:
    """Run the server with the command line's arguments."""
    follow_parent()
    from secantus.cli import main as serve

    return int(serve(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
