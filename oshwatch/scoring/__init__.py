"""Runs simulated scenarios through the real system in one process and scores what people were told."""
