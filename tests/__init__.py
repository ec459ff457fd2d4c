"""Test suites. Run them with `make test`."""
