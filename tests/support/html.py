"""What a browser would find in an HTML file, read with Python's own parser."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

VOID = ("meta", "img", "br")


class Page(HTMLParser):
    """Its elements as pairs of name and attributes, in order, and `texts` with name and class of their element."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[tuple[str, str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("class", "")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append((*(self.open[-1] if self.open else ("", "")), data))

    @property
    def tags(self) -> list[str]:
        """The names of all elements, in order."""
        return [name for name, _ in self.elements]

    @property
    def words(self) -> str:
        """All that can be read, on one line."""
        return re.sub(r"\s+", " ", " ".join(data for tag, _, data in self.texts if tag not in ("style", "title")))

    def of(self, tag: str) -> list[dict]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def pictures(self, kind: str) -> list[np.ndarray]:
        """The pixels of the images of this class."""
        sources = [image["src"] for image in self.of("img") if image.get("class") == kind]
        return [np.array(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))) for source in sources]
