"""Studies made with pytest-tinyquant; no part of the package."""
