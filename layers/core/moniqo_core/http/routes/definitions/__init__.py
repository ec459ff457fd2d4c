"""The catalogue of wallet definitions."""
