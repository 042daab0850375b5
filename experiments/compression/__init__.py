"""Pruning, clustering and training with quantization: what the toolkit's guide says, as tests."""
