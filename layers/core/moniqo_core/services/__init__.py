"""Use cases: one method for each request or queue message."""
