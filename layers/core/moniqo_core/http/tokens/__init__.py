"""Access tokens: what verifies them, and what their claims say."""
