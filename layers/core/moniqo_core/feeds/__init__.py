"""Price feeds: the simulated market, and the prices of venues."""
