"""The collections of MongoDB: the stored form of each object, and its reads and writes.

No other room knows the name of a database field.
"""
