"""The journals of live wallets, in the collection ``live_wallet_ledger``."""
