"""The sidebar of the Train page: what can be set before a run, each setting kept in the address."""

from __future__ import annotations

import streamlit as st

from core import config
from core.config import MODELS, ConfigError, TrainingConfig, parse_hidden_layers


def training_settings() -> TrainingConfig | None:
    """Show the settings; returns the config, None (and says why) where a value is not possible."""
    epochs = _epochs()
    model = st.segmented_control(
        "Model",
        list(MODELS),
        default="seed",
        required=True,
        key="model",
        bind="query-params",
        on_change=_take_recipe,
        format_func=lambda name: MODELS[name].title if name in MODELS else name,
        width="stretch",
    )
    if model not in MODELS:
        model = "seed"
    st.caption(MODELS[model].about)
    augment = st.toggle(
        "Augment",
        key="augment",
        bind="query-params",
        help="Shows every image shifted, turned, stretched, bent and with another pen, differently in each epoch, and "
        "mixes in digits as other schools teach them: a 1 with a flag, a 7 with a bar. It learns slower and then reads "
        "what people draw better.",
    )
    with st.expander("More settings", icon=":material/tune:"):
        try:
            return TrainingConfig(model=model, epochs=epochs, augment=augment, **_more_settings(model))
        except ConfigError as error:
            problem = str(error)
    st.error(problem, icon=":material/error:")
    return None


def _take_recipe() -> None:
    """Set what the chosen network is made for."""
    info = MODELS.get(st.session_state["model"])
    if info and info.recipe:
        st.session_state["epochs"], st.session_state["augment"] = info.recipe


def _epochs() -> int:
    """A slider and a number that say the same."""
    low, high = config.EPOCHS

    def take_number() -> None:
        st.session_state["epochs"] = st.session_state["epochs_number"]

    slider, number = st.columns([5, 3], vertical_alignment="bottom")
    with slider:
        epochs = st.slider(
            "Epochs",
            low,
            high,
            10,
            key="epochs",
            bind="query-params",
            help="One epoch shows the network every training image once. "
            "More epochs learn more, until it learns by heart.",
        )
    st.session_state["epochs_number"] = epochs
    with number:
        st.number_input(
            "Epochs as a number",
            low,
            high,
            key="epochs_number",
            on_change=take_number,
            label_visibility="collapsed",
        )
    return epochs


def _more_settings(model: str) -> dict:
    """The other settings of `model`, each with a key of the model's own, since their defaults differ."""
    info = MODELS[model]

    def whole(label: str, name: str, default: int, limits: tuple[int, int], help: str, step: int = 1) -> int:
        return st.number_input(label, *limits, default, step, key=f"{model}_{name}", bind="query-params", help=help)

    values = {
        "batch_size": whole(
            "Batch size",
            "batch_size",
            info.batch_size,
            config.BATCH_SIZE,
            "Images a step: small batches take many noisy steps, large ones few smooth steps.",
            step=8,
        ),
        "learning_rate": st.number_input(
            "Learning rate",
            *config.LEARNING_RATE,
            info.learning_rate,
            info.learning_rate / 5,
            format="%g",
            key=f"{model}_learning_rate",
            bind="query-params",
            help="How far each step moves the weights: too small learns slowly, too large never settles."
            + (" It rises first and then falls to zero; this is its peak." if info.decays else ""),
        ),
    }
    if info.free_layers:
        text = st.text_input(
            "Hidden layers",
            "128",
            key=f"{model}_hidden_layers",
            bind="query-params",
            help='Units of each hidden layer, with commas between them: "128, 64" is two layers.',
        )
        values["hidden_layers"] = parse_hidden_layers(text)
    if info.free_dropout:
        values["dropout"] = st.slider(
            "Dropout",
            *config.DROPOUT,
            info.dropout,
            0.05,
            key=f"{model}_dropout",
            bind="query-params",
            help="Share of hidden units switched off at random while training, so that none becomes indispensable.",
        )
    images = whole(
        "Training images",
        "training_images",
        0,
        (0, 60_000),
        "How many training images are used; 0 is all. Fewer images show how much data a network needs.",
        step=1000,
    )
    values["training_images"] = images or None
    if not info.validates_on_test:
        values["validation_images"] = whole(
            "Validation images",
            "validation_images",
            5000,
            (config.VALIDATION_IMAGES[0], 10_000),
            "Images held back from training to see, while it trains, how well it reads what it has not learned from.",
            step=500,
        )
    values["patience"] = whole(
        "Early stopping patience",
        "patience",
        0,
        config.PATIENCE,
        "Stop when the validation loss has not fallen for this many epochs; 0 never stops early.",
    )
    values["seed"] = whole(
        "Seed",
        "seed",
        0,
        config.SEED,
        "Decides the first weights and the order of images: the same seed gives the same run.",
    )
    return values
