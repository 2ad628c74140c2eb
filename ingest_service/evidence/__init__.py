"""Evidence that leaves the house: day roots that are published, bundles that anyone can check."""
