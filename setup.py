"""Which packages a distribution carries, and its description; the rest is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages
from setuptools import setup


#: A link to a file of this repository, which leads nowhere on a package index.
RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|mailto:|#)[^)]+\)")

WHERE_FILES_ARE = """
The files named here come with the source distribution:
`pip download --no-deps --no-binary pytest-tinyquant pytest-tinyquant`.
"""


def description() -> str:
    """Return the README as it makes sense alone: what it links to is named, not linked."""
    readme = (Path(__file__).parent / "README.md").read_text("utf-8")
    return RELATIVE_LINK.sub(r"`\1`", readme).rstrip() + "\n" + WHERE_FILES_ARE


# Listed by hand, a new sub-package would be missing from the wheel and from nowhere else.
# The firmware's sources are a package of data whose directory is outside pytest_tinyquant/.
setup(
    packages=[
        *find_packages(include=["pytest_tinyquant", "pytest_tinyquant.*"]),
        "pytest_tinyquant._firmware",
    ],
    package_dir={"pytest_tinyquant._firmware": "firmware"},
    long_description=description(),
    long_description_content_type="text/markdown",
)
