"""What evidence is made of: hashes of ledger rows, a root for each day, and the archive that carries them.

Pure: bytes in, bytes and records out. The ledger writes row hashes with it, the service publishes day
roots and makes bundles, `oshwatch verify` checks a bundle with nothing else at hand.
"""
