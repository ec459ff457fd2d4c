"""See the package."""


def default_user_agent() -> str:
    """Return the name CCXT sends where an exchange sets none."""
    return "moniqo"
