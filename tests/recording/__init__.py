"""Records what this code writes and answers, as a fixture for the releases that follow."""
