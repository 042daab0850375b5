"""TensorFlow Lite Micro on this computer."""
