"""Counterfactuals: what would have happened under another policy."""
