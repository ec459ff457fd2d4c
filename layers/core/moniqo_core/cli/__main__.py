"""Runs ``moniqo-admin`` as ``python -m moniqo_core.cli``."""

from __future__ import annotations

import sys

from moniqo_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
