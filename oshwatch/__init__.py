"""The front door: one command line for everything. Nobody imports it."""
