"""``python -m moniqo.cli``."""

from __future__ import annotations

import sys

from moniqo.cli import main

if __name__ == "__main__":
    sys.exit(main())
