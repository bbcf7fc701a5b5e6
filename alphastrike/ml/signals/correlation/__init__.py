"""Signals from how symbols move together."""
