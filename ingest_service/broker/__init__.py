"""Who may sign in at the broker, and what for: Mosquitto's dynamic security, changed while it runs."""
