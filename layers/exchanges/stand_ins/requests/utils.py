"""The function of ``requests.utils`` that CCXT imports."""


def default_user_agent() -> str:
    """Return the user agent that CCXT sends if an exchange sets none."""
    return "moniqo"
