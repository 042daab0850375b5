"""QEMU and GNU's simulator as boards."""
