"""Balance syncs of a wallet."""
