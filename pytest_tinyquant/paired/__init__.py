"""A/B: both sides of a change built and measured in one session, on the same board."""
