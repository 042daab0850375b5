"""The way from a model to its measurement, stage by stage."""
