"""Devices a model runs on: the host, emulated microcontrollers and real boards."""
