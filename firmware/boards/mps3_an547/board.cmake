# Sources beside those of this directory: the port/ that QEMU's MPS2 and MPS3 boards share.
set(TQ_BOARD_PORT "mps2")
