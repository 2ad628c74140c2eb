"""Keeps every sealed batch until the server's ledger has it."""
