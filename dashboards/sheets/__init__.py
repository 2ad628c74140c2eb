"""One dashboard a file; each has `NAME` and `build(plan)`."""
