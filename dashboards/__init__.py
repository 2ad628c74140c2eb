"""Grafana as code: dashboards, the queries in them, provisioning files, and bringing both into a Grafana.

Needs the extra `dashboards`. Knows the series by their public schema (docs/series-schema.md) and the cases by
the views of the schema `grafana` (docs/grafana.md), never the tables.
"""
