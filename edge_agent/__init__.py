"""Runs on the gateway: samples, keeps, seals, signs and delivers."""

__version__ = "0.1.0"
