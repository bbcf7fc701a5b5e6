"""Signals from funding, premium, open interest and liquidations."""
