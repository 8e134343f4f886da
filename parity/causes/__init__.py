"""Causes: the failing points of a run, grouped into what is wrong and told apart by facts. Functions of records."""
