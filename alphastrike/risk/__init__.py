"""Stage 7: leverage, limits and halts. Pure rules over plain numbers."""
