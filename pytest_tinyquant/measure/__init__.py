"""From raw outputs, counters and section sizes to a measurement with units."""
