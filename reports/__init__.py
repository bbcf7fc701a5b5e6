"""Pages: from results to one self-contained HTML file."""
