"""Stage 2: which market events may pass."""
