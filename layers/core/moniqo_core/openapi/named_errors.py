"""The errors of the service by their codes."""

from __future__ import annotations

from collections.abc import Iterator

from moniqo_core.domain import errors


def errors_of(base: type[errors.WalletError] = errors.WalletError) -> Iterator[type[errors.WalletError]]:
    """Yield a class, then its subclasses in the same module. Callers cannot tell other subclasses from their base."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from errors_of(kind)


def named_errors() -> dict[str, type[errors.WalletError]]:
    """Return the class that documents each code: the base class of those that share it."""
    named: dict[str, type[errors.WalletError]] = {}
    for kind in errors_of():
        named.setdefault(kind.code, kind)
    return dict(sorted(named.items()))
