"""The event log: kinds declared once each, sealed into Parquet, chained by hash, read back in order."""
