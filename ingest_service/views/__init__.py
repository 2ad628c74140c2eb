"""What Grafana may read of the database: views in the schema `grafana`, and the rows that only they need.

The views are a contract with a version in their names (docs/grafana.md). They show no person's name, contact,
password or token. They exist on PostgreSQL only; a one-box installation has the pages.
"""
