"""``python -m local [TEMPLATE]``: serve template.yaml on this computer.

Environment: PORT, STATE_DIR, MONGODB_URL, WORKERS.
"""

import sys

OLDEST = (3, 11)
NEEDED = {"uvicorn": "uvicorn", "moto": "moto", "flask": "flask", "secantus": "secantusdb", "yaml": "PyYAML",
           "pymongo": "pymongo", "jwt": "PyJWT", "boto3": "boto3", "moniqo_core": "the core layer"}  # fmt: skip


def main() -> int:
    """Run, and return the exit code: 0 if stopped, 1 if the run failed, 2 if it could not start."""
    if sys.version_info < OLDEST:
        return _refuse("Python 3.11 or newer is needed. This is Python {}.{}.".format(*sys.version_info), 2)
    from importlib.util import find_spec

    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        return _refuse("missing packages: " + ", ".join(missing) + ". `make run` installs them.", 2)
    return _serve()


def _serve() -> int:
    import asyncio
    import os
    from pathlib import Path

    from local.errors import LocalError
    from local.settings import LocalSettings
    from local.stack import Stack

    beside = Path(__file__).resolve().parent.parent / "template.yaml"
    template = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else beside
    try:
        asyncio.run(Stack(LocalSettings.from_environment(os.environ, template)).run())
    except LocalError as error:
        return _refuse(str(error), error.exit_code)
    return 0


def _refuse(message: str, code: int) -> int:
    sys.stderr.write("make run: " + message + "\n")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
