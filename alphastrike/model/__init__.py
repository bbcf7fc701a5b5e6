"""The words everyone shares: units, symbols, bars, forecasts, controls, errors. Imports nothing of ours."""
