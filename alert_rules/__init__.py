"""Decides and tells: rules are data, decisions are pure."""
