"""Signals from what others feel, and where they stand."""
