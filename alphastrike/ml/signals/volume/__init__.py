"""Signals from what was traded."""
