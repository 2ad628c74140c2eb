"""A seeded fleet of simulated factories behind the agent's own driver protocol."""
