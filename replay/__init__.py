"""Counterfactuals: what would have happened under another policy, and how sure one may be of it."""
