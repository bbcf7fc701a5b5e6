"""Signals from the calendar."""
