"""The names CCXT imports from ``requests`` for the half of it that blocks, which nothing here uses.

The library itself would cost 100 ms of every cold start and 1.5 MB.
"""


class Session:
    """A session that cannot be used."""

    def __init__(self) -> None:
        """Refuse."""
        message = "only CCXT's asynchronous classes are in this layer"
        raise NotImplementedError(message)
