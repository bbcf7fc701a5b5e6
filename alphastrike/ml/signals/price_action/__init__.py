"""Signals from where the price has gone."""
