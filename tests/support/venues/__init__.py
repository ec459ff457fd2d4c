"""Fake venues on this machine that speak the REST formats of each venue in the registry.

They are written from the venues' public documentation, for tests and for trying things out
(``python -m tests.support.venues --venue binance``). They check signatures and enforce filters as documented. Matching
is simple: an endless order book around a price that moves only when it is set. Faults happen on demand.
"""
