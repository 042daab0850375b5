"""Runs kept in an SQLite file or on a server, and what became of a number over them."""
