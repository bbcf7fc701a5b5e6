"""Signals from who took liquidity."""
