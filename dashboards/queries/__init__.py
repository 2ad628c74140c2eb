"""Every query of every panel, in one place for each data source."""
