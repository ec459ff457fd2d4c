"""The rules of trading as pure functions on plain data. They need nothing but the standard library."""
