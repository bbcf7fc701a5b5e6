"""Pages: from results to self-contained HTML."""
