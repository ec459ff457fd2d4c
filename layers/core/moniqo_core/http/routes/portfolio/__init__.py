"""What a wallet holds and how it performs."""
