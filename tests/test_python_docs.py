"""docs/python.md: every example does what stands below it."""

import doctest
import re

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def test_every_example_of_the_page_is_true(digits_file, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert text.count("```pycon") * 2 == text.count("```")  # no example is of another kind
    plain = re.sub("^```.*$", "", text, flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(plain, {}, "python.md", "docs/python.md", 0)
    told = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=told.append)
    assert result.attempted > 30
    assert result.failed == 0, "".join(told)
