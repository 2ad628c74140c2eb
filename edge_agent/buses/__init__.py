"""Bus ports and their real and recorded implementations."""
