"""The LLM layer: what is shown, what may be said, and who answers."""
