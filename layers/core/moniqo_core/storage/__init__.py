"""Documents in MongoDB. Field names of the database are known here only."""
