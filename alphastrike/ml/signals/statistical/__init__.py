"""Signals from the statistics of returns."""
