"""Writes the reference page on the venues' errors.

``python -m moniqo_core.venue_error_reference docs/reference/venue-errors.md``
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from moniqo_core.venues.exchanges.refusals import BY_HTTP_STATUS, Refusal
from moniqo_core.venues.exchanges.registry import VENUES, venue_of
from moniqo_core.venues.exchanges.venue import Venue

_HEAD: Final = """\
# Errors of the venues

<!-- `make openapi` generates this page from moniqo_core/venues/exchanges/. -->

What each error code of a venue means, and our code for it. [Venues](venues.md#errors) tells how an answer is judged.
[Errors](errors.md) describes our codes. There are three kinds:

| kind | of an order | of another request |
| --- | --- | --- |
| final | It was not placed, and the same order is refused again. | It is not repeated. |
| retryable | It was not placed, and the same order may be accepted later. | It may be repeated later. |
| unknown | It may have been placed. Its status is `unknown` until the venue shows it. | A read is repeated at once. |

After a cancellation that ends in any of these codes, the order itself is queried.

## HTTP

If a venue's code is not listed, the HTTP status decides. Any other 5xx is unknown, and any other 4xx is retryable. If
an answer with status 200 has an unlisted code, the outcome is unknown, because the venue may have carried out the
order.

| status | kind | ours | meaning |
| --- | --- | --- | --- |
"""


def render() -> str:
    """Return the page in Markdown."""
    venues = {venue.name: venue for venue in map(venue_of, sorted(VENUES))}
    return (
        _HEAD
        + "\n".join(_row(str(status), refusal) for status, refusal in BY_HTTP_STATUS.items())
        + "\n"
        + "\n".join(_section(venue) for _, venue in sorted(venues.items()))
    )


def _section(venue: Venue) -> str:
    rows = [_row(f"`{code}`", refusal) for code, refusal in sorted(venue.refusals.items())]
    return "\n".join(
        [f"\n## {venue.name}\n", "| code | kind | ours | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _row(code: str, refusal: Refusal) -> str:
    return f"| {code} | {refusal.kind} | `{refusal.error.code}` | {refusal.detail} |"


def main(arguments: list[str]) -> int:
    """Write the page to the file that the first argument names."""
    Path(arguments[0]).write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
