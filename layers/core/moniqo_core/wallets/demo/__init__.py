"""The paper wallet. :class:`DemoWallet` is its public name."""

from moniqo_core.wallets.demo.wallet import DemoWallet

__all__ = ["DemoWallet"]
