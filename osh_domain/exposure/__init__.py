"""Exposure methods, one a file, each with its standard and clause.

Plain floats in, plain floats or a frozen record out; standard library only. Nothing is rounded. Temperatures
are in degrees C, air speed in m/s, pressure in Pa, relative humidity in % (0-100), levels in dB re 20 uPa,
unless the name of an argument says otherwise. A value outside a method's range of validity is a ValueError
that names the argument, never a guess.
"""

CALCULATION = "2"
"""Version of the methods below; it travels with every exposure and grows when a number would change."""
