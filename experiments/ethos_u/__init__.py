"""What zeros and few values in the weights are worth on an Ethos-U, as Vela estimates it."""
