"""Signals by category: a folder each, a file a signal. A new file is found by its place."""
