"""Who may do what: passwords, sessions, tokens, one access function."""
