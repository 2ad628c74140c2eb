"""Findings, cases, signatures, actions, notices, audit."""
