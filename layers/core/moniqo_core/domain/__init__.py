"""The rules of trading as pure functions on plain data. They use only the standard library."""
