"""Which operators in which types each runtime can run."""
