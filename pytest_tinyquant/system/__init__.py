"""What every room may use: files, cache, git, progress, processes."""
