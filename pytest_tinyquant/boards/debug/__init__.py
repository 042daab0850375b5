"""Debuggers: pyOCD and the emulator's, behind one contract."""
