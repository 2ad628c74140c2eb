"""Checks an evidence bundle with nothing but the bundle: no service, no network, no register."""
