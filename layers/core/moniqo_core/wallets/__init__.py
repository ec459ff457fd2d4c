"""Wallets behind one interface: demo wallets trade on paper, exchange wallets at a venue."""
