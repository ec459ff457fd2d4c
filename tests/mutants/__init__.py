"""Small faults put into the code of a copy of the tree, to learn whether the tests notice them."""
