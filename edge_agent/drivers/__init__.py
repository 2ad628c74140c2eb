"""One driver a file, registered in one visible table."""
