"""The settings of a run in words, and as the command that trains with them."""

from __future__ import annotations

from dataclasses import fields

from core.config import FIRST_WEIGHTS, OPTIMIZERS, SCHEDULES, TrainingConfig
from core.formatting import number_text, percent


def settings_in_words(config: TrainingConfig, rate: float | None = None) -> str:
    """A config as one line: network, batch size, learning rate, and the other settings that are not defaults.

    `rate` is the current learning rate where it was changed during training.
    """
    default = TrainingConfig(model=config.model)
    learning = f"learning rate {number_text(rate or config.learning_rate)}"
    if rate not in (None, config.learning_rate):
        learning += f" (initially {number_text(config.learning_rate)})"
    words = [config.title, f"batches of {config.batch_size:,}", learning]
    if config.network:
        words.insert(1, config.network)
    elif config.info.free_layers:
        words.insert(1, "hidden layers " + ", ".join(map(str, config.hidden_layers)))
    if config.augment:
        words.append("augmented")
    if config.start_from:
        words.append("fine-tuned")
    if config.dropout != default.dropout and not config.network:
        words.append(f"dropout {config.dropout:g}")
    if config.training_images:
        words.append(f"{config.training_images:,} training images")
    words += [_EXPERIMENTS[name](getattr(config, name)) for name in config.experiments if name != "network"]
    if config.patience:
        words.append(f"patience {config.patience}")
    if config.seed != default.seed:
        words.append(f"seed {config.seed}")
    return " · ".join(words)


_EXPERIMENTS = {
    "optimizer": OPTIMIZERS.get,
    "schedule": lambda schedule: f"{SCHEDULES[schedule].lower()} learning rate",
    "weight_decay": lambda decay: f"weight decay {number_text(decay)}",
    "pixels": lambda pixels: "raw pixels, 0 to 255" if pixels == "0-255" else "pixels 0 to 1",
    "first_weights": lambda weights: f"first weights {FIRST_WEIGHTS[weights].replace('All', 'all')}",
    "wrong_labels": lambda share: f"{percent(share, 0)} wrong labels",
    "left_out": lambda digits: f"without {', '.join(map(str, digits))}",
    "imbalance": lambda ratio: f"imbalance {ratio} : 1",
}


def as_command(config: TrainingConfig) -> str:
    """The command for a terminal, of any system, that trains with these settings.

    "" for a fine-tuned run, which the terminal does not start.

    Example:
        >>> as_command(TrainingConfig(model="dense", epochs=3, seed=2))
        'python digit_classification.py --model dense --epochs 3 --seed 2'
    """
    if config.start_from:
        return ""
    usual = TrainingConfig(model=config.model)
    parts = ["python digit_classification.py", f"--model {config.info.title.lower()}", f"--epochs {config.epochs}"]
    for name in (field.name for field in fields(config)):
        value = getattr(config, name)
        if name in ("model", "epochs", "classes") or value == getattr(usual, name) or not _is_named(config, name):
            continue
        option = "--data" if name == "dataset" else f"--{name.replace('_', '-')}"
        parts.append(option if value is True else f"{option} {_as_argument(value)}")
    return " ".join(parts)


def _is_named(config: TrainingConfig, name: str) -> bool:
    """Whether a setting is one of its own, and not part of the network."""
    own = {"hidden_layers": config.info.free_layers, "dropout": config.info.free_dropout}
    return own.get(name, True) and not (config.network and name in own)


def _as_argument(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, str):
        return f'"{value}"' if " " in value else value
    return number_text(value)
