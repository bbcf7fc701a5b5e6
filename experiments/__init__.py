"""Tuning: which thresholds, which prompt, and how much of the result is luck."""
