"""A recorded run, checked in: what the engine made of a small market when this version was made."""
