"""Markets as a wallet sees them."""
