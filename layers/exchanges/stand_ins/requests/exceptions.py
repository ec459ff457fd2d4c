"""The exceptions of ``requests`` that CCXT imports."""


class RequestException(OSError):  # noqa: N818 - the library's names
    """Never raised."""


class HTTPError(RequestException):
    """Never raised."""


class Timeout(RequestException):
    """Never raised."""


class TooManyRedirects(RequestException):
    """Never raised."""


class ConnectionError(RequestException):  # noqa: A001
    """Never raised."""
