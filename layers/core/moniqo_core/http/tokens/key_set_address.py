"""The address of an issuer's keys: https, or plain HTTP on this machine."""

from __future__ import annotations

from email.message import Message
from typing import IO
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener


def opener(url: str) -> OpenerDirector:
    """Return the object that downloads ``url``. It follows a redirect only to https.

    Raises:
        ValueError: the URL is neither https nor on this machine. The returned object raises it for such a redirect.

    """
    where = urlsplit(url)
    if where.scheme != "https" and not (where.scheme == "http" and where.hostname in {"127.0.0.1", "localhost"}):
        raise _not_https()
    return build_opener(_OnlyToHttps())


class _OnlyToHttps(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme != "https":
            raise _not_https()
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _not_https() -> ValueError:
    return ValueError("the key set must be served over https")
