"""What is claimed about quantization schemes, as relations between measured figures.

A claim is evaluated over the figures that a study published and over a project's own baselines,
board by board: ``python -m experiments.edgemark``.
"""
