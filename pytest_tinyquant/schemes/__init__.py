"""Schemes: how a model is quantized, and the conversion itself."""
