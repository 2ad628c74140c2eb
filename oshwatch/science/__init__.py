"""Reference vectors held against the implementation: cases in CSV files, one file a method.

`columns` says what may stand in a cell, `rows` what a row is, `heat`, `noise`, `air` and `quality` what each
file means, `reading` opens files and finds every mistake in them, `checking` runs them.
"""
