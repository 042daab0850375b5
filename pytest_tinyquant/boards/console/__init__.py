"""The line to a board: serial port, protocol, transcript."""
