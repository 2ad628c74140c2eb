"""The series in InfluxDB: measurements there, bookkeeping in SQL tables beside it."""
