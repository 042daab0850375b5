"""Boards on other machines, which labgrid hands out."""
