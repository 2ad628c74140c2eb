"""Sites, zones, gateways, keys, placements, shifts, people."""
