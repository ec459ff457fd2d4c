"""Clients that generators make of the OpenAPI document, used against a local run."""
