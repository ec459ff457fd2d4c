"""Serve a fake venue until it is interrupted: ``python -m tests.support.venues --venue binance --port 9001``."""

from __future__ import annotations

import argparse
import json
import threading

from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import slugs_of


def main() -> None:
    """Print the address and an API key as one line of JSON, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venue", choices=sorted(FAKES), default="binance")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    given = parser.parse_args()
    venue = FAKES[given.venue]()
    venue.latency = given.latency
    with venue.start(given.port):
        account = {"definition": slugs_of(given.venue)[0], "base_url": venue.url, "credentials": venue.credentials()}
        print(json.dumps(account), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
