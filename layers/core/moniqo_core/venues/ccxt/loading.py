"""Imports one exchange of CCXT without the other hundred, from the complete package or from the layer's part of it.

``import ccxt`` imports every exchange, which takes 0.6 to 1.9 s and 74 MB. The modules of one exchange need only the
names of errors and the base class from the package. So an empty package with these names replaces it.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@cache
def exchange_class(name: str) -> type[Any]:
    """Return CCXT's asynchronous class of an exchange. ``name`` comes from our own list, never from a request."""
    if "ccxt" not in sys.modules:
        package = _stand_in("ccxt")
        errors = importlib.import_module("ccxt.base.errors")
        vars(package).update({error: getattr(errors, error) for error in errors.__all__})
        vars(package)["Exchange"] = importlib.import_module("ccxt.base.exchange").Exchange
    if "ccxt.async_support" not in sys.modules:
        _stand_in("ccxt.async_support")
    found: type[Any] = getattr(importlib.import_module(f"ccxt.async_support.{name}"), name)
    return found


def _stand_in(name: str) -> ModuleType:
    """Register an empty package as ``name``, so that the package's own ``__init__`` module does not run."""
    spec = find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(name, name=name)
    package = ModuleType(name)
    package.__spec__, package.__path__ = spec, list(spec.submodule_search_locations)
    sys.modules[name] = package
    return package
