"""The rules of each exchange, one module per exchange, listed in :mod:`moniqo_core.venues.exchanges.registry`."""
