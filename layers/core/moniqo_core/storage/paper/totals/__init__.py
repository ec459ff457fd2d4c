"""Totals of the fills of paper wallets, and figures of their equity, so that a read needs no whole history."""
