"""What the pages and the JSON interface show, read once and modelled once."""
