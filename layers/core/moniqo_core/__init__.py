"""Moniqo Wallets: one interface over paper and real trading accounts."""
