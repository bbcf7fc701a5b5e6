"""The fold: the one place where the stages are chained, in history, in branches and live."""
