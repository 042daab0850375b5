"""Pages of the site that lie elsewhere in the repository; a hook of mkdocs.

On a code host those files are read where they are, and pages link to them by relative paths; here
each gets a page of its own, and the links are turned towards it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File
from mkdocs.structure.files import Files


ROOT = Path(__file__).resolve().parents[1]

#: File of the repository -> page of the site.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "firmware/README.md": "firmware.md",
    "firmware/engine/README.md": "engine.md",
    "models/README.md": "models.md",
}

_LINK = re.compile(r"\[([^]]+)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Turn links that are relative to the file in the repository into links between pages."""
    page_uri = page.file.src_uri
    source = next((s for s, p in PAGES.items() if p == page_uri), f"docs/{page_uri}")

    def turned(match: re.Match[str]) -> str:
        text, path, anchor = match[1], match[2], match[3] or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if target in PAGES:
            return f"[{text}]({PAGES[target]}{anchor})"
        if target.startswith("docs/") and files.get_file_from_path(target[5:]) is not None:
            return f"[{text}]({target[5:]}{anchor})"
        # A file of the repository that is no page is named; what is nowhere, mkdocs reports.
        return f"{text} (`{target}`)" if (ROOT / target).exists() else match[0]

    return _LINK.sub(turned, markdown)
