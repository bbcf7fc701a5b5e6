"""Signals from data that no exchange reports."""
