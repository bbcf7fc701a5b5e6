"""Stage 8: the simulated venue: fills, fees, funding, margin, liquidation."""
