"""Baselines in git, tolerances, and the verdict that compares a measurement with them."""
