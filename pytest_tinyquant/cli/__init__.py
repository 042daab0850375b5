"""The command line program tinyquant."""
