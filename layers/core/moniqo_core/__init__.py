"""Moniqo Wallets: one interface over paper and real trading accounts.

``__version__`` is the one version number of the repository: packages, the OpenAPI document, bills of materials and the
tag of a release take it from here.
"""

__version__ = "0.1.0"
