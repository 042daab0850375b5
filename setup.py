"""Which packages a distribution carries; everything else is in pyproject.toml."""

from setuptools import find_packages
from setuptools import setup


# Listed by hand, a new sub-package would be missing from the wheel and from nowhere else.
# The firmware's sources are a package of data whose directory is outside pytest_tinyquant/.
setup(
    packages=[
        *find_packages(include=["pytest_tinyquant", "pytest_tinyquant.*"]),
        "pytest_tinyquant._firmware",
    ],
    package_dir={"pytest_tinyquant._firmware": "firmware"},
)
