"""The values of settings that a sweep tries: as people type them, and in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from core.config import MODELS, PARSERS, ConfigError, TrainingConfig

MOST_SEEDS = 100
SEPARATORS = ",;|"
SHORT = {  # names of settings in the names of trials
    "learning_rate": "lr",
    "batch_size": "batch",
    "training_images": "images",
    "validation_images": "validation images",
    "weight_decay": "decay",
    "first_weights": "weights",
    "wrong_labels": "wrong",
    "left_out": "without",
    "hidden_layers": "hidden",
}
SEEDS = re.compile(r"\s*([0-9]{1,9})\s*seeds?\s*", re.IGNORECASE)


def parse_values(text: str, parse: Callable[[str], Any], separators: str = SEPARATORS) -> tuple:
    """One value or several, each once, as people type them: "0.1, 0.01", "5 | 10", "0,1; 0,01".

    What `parse` takes as a whole is one value, so that "5,000" and "0,1" stay what they are.

    Args:
        text: what was typed.
        parse: reads one value; raises ConfigError.
        separators: the signs between values; of those in the text the last in this list counts.

    Raises:
        ConfigError: where a value is invalid.
    """
    text = text.strip().rstrip(separators + " ")
    try:
        return (parse(text),)
    except ConfigError:
        parts = [part for part in _parts(text, separators) if part.strip()]
        if len(parts) < 2:
            raise
    return tuple(dict.fromkeys(parse(part) for part in parts))


def _parts(text: str, separators: str) -> list[str]:
    for sign in reversed(separators):
        if sign in text:  # a comma before a space is none of a number
            return re.split(r",\s+" if sign == "," and re.search(r",\s", text) else re.escape(sign), text)
    return [text]


def parse_seeds(text: str, parse: Callable[[str], int]) -> tuple[int, ...]:
    """Seeds as people type them: "7", "1, 2, 3", or how many: "5 seeds" are 0 to 4.

    Raises:
        ConfigError: where that is none, or more than 100.
    """
    if not (found := SEEDS.fullmatch(text)):
        return parse_values(text, parse)
    if not 1 <= (count := int(found[1])) <= MOST_SEEDS:
        raise ConfigError(f"Choose 1 to {MOST_SEEDS} seeds, not {count:,}.")
    return tuple(range(count))


def parse_setting(name: str, text: str) -> Any:
    """The value of the setting `name` of TrainingConfig, as people type it.

    Raises:
        ConfigError: where there is no such setting, or the text is no value of it.
    """
    if name not in PARSERS:
        raise ConfigError(f'There is no setting "{name}". There are: {", ".join(PARSERS)}.')
    try:
        value = PARSERS[name](text.strip())
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    TrainingConfig(**{name: value})  # its limits are checked there
    return value


def parse_several(name: str, text: str, parse: Callable[[str], Any] | None = None) -> tuple:
    """The values of a setting, one or several; those with commas of their own have "|" between them.

    Args:
        name: the setting.
        text: what was typed.
        parse: reads one value; `parse_setting` where it is left out.

    Raises:
        ConfigError: where a value is invalid.
    """
    parse = parse or partial(parse_setting, name)
    return parse_seeds(text, parse) if name == "seed" else parse_values(text, parse, separators_of(name))


def separators_of(name: str) -> str:
    """The signs between several values of a setting, the usual one first."""
    return "|" if name in ("network", "left_out") else SEPARATORS


def value_in_words(name: str, value: Any) -> str:
    """A setting and its value, as short as it can be said: "lr 0.01", "CNN", "augmented"."""
    if name == "model":
        return MODELS[value].title
    if name == "augment":
        return "augmented" if value else "plain"
    if name == "network":
        return value
    if name == "epochs":
        return "1 epoch" if value == 1 else f"{value} epochs"
    return f"{SHORT.get(name, name.replace('_', ' '))} {value_text(name, value)}"


def setting_in_words(name: str, value: Any) -> str:
    """A setting and its value, in full: "first weights zeros"."""
    return f"{name.replace('_', ' ')} {value_text(name, value)}"


def value_text(name: str, value: Any) -> str:
    """A value of a setting as text: "0.01", "CNN", "3, 8"."""
    if name == "model":
        return MODELS[value].title
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "all" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
