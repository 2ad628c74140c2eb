"""Takes in, keeps, computes, shows."""
