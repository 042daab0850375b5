"""Models as files: where they are, what is in them, their samples."""
