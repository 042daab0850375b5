"""Quantized models on microcontrollers as pytest test cases."""
