"""What is measured: each metric's description, numbers and their tolerances."""
