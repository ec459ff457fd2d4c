"""Calls to exchanges and price providers: the rules of each exchange, CCXT, and the transport with its limits."""
