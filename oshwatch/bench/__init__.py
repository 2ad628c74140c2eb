"""Measures the road from a gateway to the series and to a notice, with the real broker and the real runners.

`fleet` makes gateways and signs their batches beforehand, `load` publishes them from a process of its own
over one connection a gateway (`mqtt_packets`), `servers` starts broker and runners, `watching` reads what
they did, `ingest` puts a run together, `figures` makes its numbers.
"""
