"""The app's pages in Streamlit's own simulation: open one, and what it then shows."""

import html
import json
import re

from streamlit.testing.v1 import AppTest

from tests.support.paths import ROOT


def open_page(name, *, session=None, **address):
    """The app at one of its pages, with these values in the address, and in the session where some are given."""
    at = AppTest.from_file(ROOT / "dashboard" / "main.py", default_timeout=60)
    for key, value in (session or {}).items():
        at.session_state[key] = value
    at.query_params.update(address)
    at.switch_page(f"app_pages/{name}.py").run()
    assert not at.exception, at.exception
    return at


def as_seen(markdown):
    """A text as it stands on the page where `escape_markdown` has written it, and `linked` its words."""
    markdown = re.sub(r'\[([^\]]*)\]\(/learn\?word=[^ ]* "[^"]*"\)', r"\1", markdown)
    return html.unescape(re.sub(r":color\[(&#\d+;)\]", r"\1", markdown))


def words(at):
    """All text on the page."""
    kinds = (at.title, at.markdown, at.caption, at.header, at.subheader, at.info, at.warning, at.error, at.success)
    return as_seen("\n".join(element.value for kind in kinds for element in kind))


def numbers(at):
    """Each metric's value by its label."""
    return {metric.label: metric.value for metric in at.metric}


def by_label(elements, label):
    """The one of a page's widgets that has this label; keys of some change with what they show."""
    [found] = [element for element in elements if element.label == label]
    return found


def galleries(at):
    """The tiles that each gallery was given, in the order of the page."""
    found = [node.proto for node in at.get("bidi_component") if node.proto.component_name == "digitlab_gallery"]
    return [json.loads(proto.json)["tiles"] for proto in found]


def tiles(at):
    """The tiles of the first gallery, [] where no image passes the filter."""
    return next(iter(galleries(at)), [])
