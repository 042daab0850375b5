"""The kinds of boards: one module for each family of cores."""
