"""The append-only record of batches as received: the source of truth."""
