"""The OpenAPI document, built from the routes of every function. Only developers need this package."""
