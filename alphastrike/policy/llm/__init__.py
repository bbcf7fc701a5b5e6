"""The language model as a policy: what it is shown, how it is asked, and how its answer is read and kept."""
