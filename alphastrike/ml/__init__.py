"""Stage 5: signals, their decay, the regime, the ensemble and its conviction."""
