"""The append-only record of everything received: the source of truth of the server."""
