"""Shared support of the test suites: databases, gateway events, fake venues and harnesses."""
