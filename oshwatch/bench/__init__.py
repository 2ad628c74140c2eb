"""Measures the road from a gateway to the series and to a notice, with the real broker and the real runners.

`fleet` makes gateways and signs their batches beforehand, `load` publishes them from a process of its own
over one connection a gateway (`mqtt_packets`, `generators`), `places` says where the data go, `registering`
fills a register fast, `servers` starts broker and runners, `watching` and `processes` read what they did and
used, `ingest` puts a run together, `figures` and `ingest_report` make its numbers.
"""
