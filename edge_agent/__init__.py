"""Runs on the gateway: samples, keeps, seals, signs and delivers."""
