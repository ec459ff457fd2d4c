"""User wallets, in the collection ``user_wallets``, as of the last entry of their journals."""
