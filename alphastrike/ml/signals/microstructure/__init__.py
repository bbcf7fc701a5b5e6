"""Signals from how trades move the price."""
