"""The walls: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.runs import files
from tests.support.paths import ROOT

CORE = (  # each may import those before it
    ("names", "formatting", "storage", "home", "endings", "keras_file"),
    ("leftovers", "terminal", "drawing", "learners", "people"),
    ("layers",),
    ("network",),
    ("named_networks",),
    ("config",),
    ("config_words",),
    ("data",),
    ("runs",),
    ("models", "predictor"),
    ("evaluation", "interpretability"),
    ("inference", "robustness", "compute"),
    ("model_card",),
    ("export", "bundle", "training"),
    ("sweeps",),
    ("report",),
    ("background", "services"),
    ("classroom",),
)
RANKS = {name: rank for rank, names in enumerate(CORE) for name in names}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(folder: str) -> Iterator[tuple[str, str]]:
    """Each Python file below a folder, as a path below the program's, with each module that it imports."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for module in imported(path):
            yield path.relative_to(ROOT).as_posix(), module


def room(path_or_module: str) -> str:
    """The part of core that a file or a module is in: "core/data/files.py" and "core.data.files" are in "data"."""
    parts = path_or_module.removesuffix(".py").replace("/", ".").split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def test_core_imports_downwards():
    inside = [(path, module) for path, module in arrows("core") if module.startswith("core.")]
    across = [(path, module) for path, module in inside if room(path) not in ("__init__", room(module))]
    assert len(across) > 100  # the rooms do use each other
    assert not [(path, module) for path, module in across if RANKS[room(module)] >= RANKS[room(path)]]


def test_core_knows_nothing_of_who_uses_it():
    others = ("streamlit", "altair", "dashboard", "benchmarks", "tests")
    assert not [(path, module) for path, module in arrows("core") if module.split(".")[0] in others]


def test_only_core_runs_spells_the_names_of_a_runs_files():
    names = {value for name, value in vars(files).items() if name.isupper() and "." in str(value)}
    assert len(names) > 20
    spelled = {
        (path.relative_to(ROOT).as_posix(), node.value)
        for folder in ("core", "dashboard")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value in names or node.value.startswith("analysis-")
    }
    found = {(path, name) for path, name in spelled if not path.startswith("core/runs/")}
    assert found == {("core/keras_file.py", files.CONFIG)}  # which is a file inside Keras' own


def test_the_api_knows_no_page():
    pages = ("streamlit", "dashboard.components", "dashboard.app_pages")
    assert not [(path, module) for path, module in arrows("dashboard/api") if module.startswith(pages)]


def test_the_dashboard_loads_no_model_by_itself():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "dashboard").rglob("*.py")]
    assert any("answer_one(" in source for source in sources)
    assert not [source for source in sources if "Predictor.load(" in source or "Predictor(" in source]


def test_no_page_imports_another():
    others = ("dashboard.app_pages", "dashboard.api")
    assert not [(path, module) for path, module in arrows("dashboard/app_pages") if module.startswith(others)]


def test_tests_import_no_other_test():
    ours = [(path, module) for path, module in arrows("tests") if module.startswith("tests.")]
    assert ours
    assert not [(path, module) for path, module in ours if not module.startswith("tests.support.")]
