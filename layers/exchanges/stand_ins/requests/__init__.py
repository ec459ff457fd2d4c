"""The names that CCXT imports from ``requests`` for its synchronous half, which is not used here.

The library itself would add 100 ms to every cold start, and 1.5 MB to the layer.
"""


class Session:
    """A session that cannot be used."""

    def __init__(self) -> None:
        """Raise NotImplementedError."""
        message = "only CCXT's asynchronous classes are in this layer"
        raise NotImplementedError(message)
