"""Signals from the rest of the world."""
