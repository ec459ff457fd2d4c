"""Demo wallets, which trade on paper. :class:`DemoWallet` is the public name."""

from moniqo_core.wallets.demo.wallet import DemoWallet

__all__ = ["DemoWallet"]
