"""Orders of paper wallets, read from their journals."""
