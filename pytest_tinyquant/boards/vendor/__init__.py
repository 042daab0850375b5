"""Runtimes of vendors, each driven by its command-line tool, which stands for a board."""
