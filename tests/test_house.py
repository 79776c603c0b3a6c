"""The walls: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = (  # each may import those before it
    ("names", "storage", "home", "endings", "keras_file"),
    ("leftovers", "terminal", "config"),
    ("data", "drawing", "models", "predictor"),
    ("runs",),
    ("evaluation", "interpretability"),
    ("inference", "robustness", "compute"),
    ("export", "bundle", "training"),
    ("background",),
)
RANKS = {name: rank for rank, names in enumerate(CORE) for name in names}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder: str) -> list[Path]:
    """The Python files of a folder and all below it."""
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", files("core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_core_imports_downwards_and_nothing_of_the_pages(path):
    own = path.relative_to(ROOT / "core").with_suffix("").parts[0]
    for module in imported(path):
        first, *rest = module.split(".")
        assert first not in ("streamlit", "altair", "dashboard", "benchmarks", "tests"), module
        if first == "core" and own != "__init__" and rest[0] != own:
            assert RANKS[rest[0]] < RANKS[own], f"{own} imports {module}"


@pytest.mark.parametrize("path", files("dashboard/api"), ids=lambda path: path.name)
def test_the_api_knows_no_page(path):
    for module in imported(path):
        assert module.split(".")[0] != "streamlit"
        assert not module.startswith(("dashboard.components", "dashboard.app_pages")), module


@pytest.mark.parametrize("path", files("dashboard/app_pages"), ids=lambda path: path.name)
def test_no_page_imports_another(path):
    assert not [module for module in imported(path) if module.startswith(("dashboard.app_pages", "dashboard.api"))]
