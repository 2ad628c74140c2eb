"""Exposure methods, one a file, each with its standard and clause."""
