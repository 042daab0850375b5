"""What a run tells its user, on the terminal and in files."""
