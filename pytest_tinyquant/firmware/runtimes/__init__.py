"""The runtimes of boards: one module for each."""
