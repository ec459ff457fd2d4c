"""Reads balances and prices from the rows of a venue, in its own numbers."""
