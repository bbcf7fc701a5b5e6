"""Stage 3: pure functions of trailing windows of bars."""
