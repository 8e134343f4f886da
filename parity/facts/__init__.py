"""Facts: what a point or a draw is about, in words of one list, and expressions of these words."""
