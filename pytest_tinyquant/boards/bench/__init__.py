"""Attached boards: which there are, who holds one, how each is programmed."""
