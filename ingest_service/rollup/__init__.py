"""From readings to exposures: minutes, hours, zone values, windows.

`minutes` makes statistics of a channel, `sources` says which channels speak for a zone, `zone_series` holds a
zone's values minute by minute, `kinds` turns windows of them into exposures. `exposure_rollup` beside this
package runs them.
"""
