"""The OpenAPI document, made of the routes of every function. Only developers need this package."""
