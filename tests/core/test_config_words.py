"""Settings in words, and as a command, which the command line reads back."""

import shlex

import pytest

from core.config import TrainingConfig
from core.config_words import as_command, settings_in_words
from digit_classification import read_arguments, read_config

CONFIGS = [
    TrainingConfig(),
    TrainingConfig(model="dense", epochs=12, hidden_layers=(64, 32), dropout=0.25, learning_rate=3e-05, seed=7),
    TrainingConfig(model="lenet", batch_size=32, patience=3, augment=True, training_images=5000, validation_images=700),
    TrainingConfig(model="cnn", network="flatten, dense 64, tanh, dropout 0.2, output softmax", optimizer="momentum"),
    TrainingConfig(
        model="linear",
        schedule="cosine",
        weight_decay=0.0123456789,
        pixels="0-255",
        first_weights="he",
        wrong_labels=0.3,
        left_out=(3, 8),
        imbalance=100,
    ),
    TrainingConfig(model="best", epochs=1, dropout=0.0),
]


@pytest.mark.parametrize("config", CONFIGS, ids=settings_in_words)
def test_the_command_trains_with_the_same_settings(config):
    python, script, *arguments = shlex.split(as_command(config))
    assert (python, script) == ("python", "digit_classification.py")
    assert read_config(read_arguments(arguments)) == config


def test_a_fine_tuned_run_has_no_command():
    assert as_command(TrainingConfig(start_from="20261125-101500-dense-3f2a")) == ""


def test_the_command_names_a_dataset_that_was_added():
    config = TrainingConfig(model="linear", dataset="0123456789abcdef")
    assert as_command(config).endswith(" --data 0123456789abcdef")
