"""Signals from how far the price moves."""
