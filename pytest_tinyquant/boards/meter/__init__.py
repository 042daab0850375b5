"""Power meters between a board and its supply."""
