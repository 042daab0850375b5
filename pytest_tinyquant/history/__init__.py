"""Runs kept in an SQLite file, and what became of a number over them."""
