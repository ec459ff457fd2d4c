"""Test suites; run them with `make test`."""
