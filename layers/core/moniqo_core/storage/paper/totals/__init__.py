"""Totals of the fills of paper wallets, as of an entry of their journals."""
