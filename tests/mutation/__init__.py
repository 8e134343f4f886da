"""Mutation testing of parity/losses: the case files are the killers."""
