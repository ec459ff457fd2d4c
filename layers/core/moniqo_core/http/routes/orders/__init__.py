"""Orders and trades of a wallet."""
