"""Datasets: importers, the simulated market, instruments and the store."""
