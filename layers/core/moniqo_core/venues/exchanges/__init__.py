"""The venues: one short file each, named in :mod:`moniqo_core.venues.exchanges.registry`."""
