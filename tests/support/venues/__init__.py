"""Exchanges on this machine that speak the REST formats of Binance, Coinbase Advanced and Kraken.

They are ours, written from the venues' public documentation, for tests and for trying things out
(``python -m tests.support.venues --venue binance``). Signatures are checked and filters enforced as documented;
matching is simple: a book that never empties around a price that moves when it is told to. Faults happen on demand.
"""
