"""Runs: recorded over a market into a journal, found again, re-derived and compared."""
