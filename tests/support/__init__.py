"""What the suites share: a database, API Gateway events, the real handlers."""
