"""Orders over all wallets of a user, paper and live."""
