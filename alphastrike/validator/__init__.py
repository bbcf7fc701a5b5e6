"""Stage 4: whether the features can still be believed."""
