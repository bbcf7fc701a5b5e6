"""Runs: recorded, listed, verified."""
