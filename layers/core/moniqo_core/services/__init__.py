"""Use cases: each method answers one request or handles one message of a queue."""
