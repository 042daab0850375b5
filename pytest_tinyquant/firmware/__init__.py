"""Images: the toolchains, the build, and what is read from its ELF file."""
