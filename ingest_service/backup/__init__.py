"""The whole of an installation in one file, and back: ledger, register, cases, server key, configuration."""
