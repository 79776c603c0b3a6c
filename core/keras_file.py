"""A `.keras` file that older versions of Keras read too.

Keras writes down every argument of every layer, also those that only its own version knows, and an older one refuses
the file for their names alone (`quantization_config`, `input_axes`, `renorm`). What has the value that it has anyway
need not be written down: without it Keras 3.8 and all later ones build the same network.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import keras

CONFIG = "config.json"


def make_portable(path: Path) -> None:
    """Write a `.keras` file anew without the arguments that say nothing, some of which only newer versions know."""
    with ZipFile(path) as archive:
        contents = {entry: archive.read(entry) for entry in archive.infolist()}
    with ZipFile(path, "w") as archive:
        for entry, content in contents.items():
            portable = entry.filename == CONFIG
            archive.writestr(entry, json.dumps(without_defaults(json.loads(content))) if portable else content)


def without_defaults(value: Any) -> Any:
    """A serialised network where no object's config names an argument with the value that it has by default."""
    if isinstance(value, list):
        return [without_defaults(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: without_defaults(each) for key, each in value.items()}
    if isinstance(kept.get("config"), dict):
        defaults = _defaults(kept)
        kept["config"] = {k: v for k, v in kept["config"].items() if k not in defaults or defaults[k] != v}
    return kept


def _defaults(serialised: dict) -> dict[str, Any]:
    """The arguments of an object of Keras' own that may be left out, with their values."""
    found: Any = keras
    for part in [*str(serialised.get("module")).split(".")[1:], str(serialised.get("class_name"))]:
        found = getattr(found, part, None)
    if not inspect.isclass(found):
        return {}
    defaults = {name: parameter.default for name, parameter in inspect.signature(found).parameters.items()}
    if "from_config" in vars(found):  # it may look for any of them by name; None is what it takes a missing one for
        return {name: default for name, default in defaults.items() if default is None}
    return defaults
