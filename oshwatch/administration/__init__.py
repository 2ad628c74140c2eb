"""The groups of `oshwatch admin`: people, tokens, gateways; one file each."""
