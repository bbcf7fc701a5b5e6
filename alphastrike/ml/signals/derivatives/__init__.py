"""Signals from funding and open interest."""
