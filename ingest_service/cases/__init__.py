"""Findings and cases from opening to closure: signatures, actions, notices, attempts and their history."""
