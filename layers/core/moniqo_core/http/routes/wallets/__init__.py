"""A user's wallets."""
