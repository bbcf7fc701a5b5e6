"""All settings: one frozen tree that nests the parameters of every stage."""
