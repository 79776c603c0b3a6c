"""Health: which classes are read, units that are dead or always on, and how weights lie and move."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

import numpy as np
import streamlit as st

from core.data import Dataset
from core.evaluation.learning_words import USUAL, cure, held_back
from core.formatting import percent
from core.interpretability import health
from core.interpretability.inside import Inside, load_inside, one_thread, weight_epochs
from core.runs import RunView
from dashboard.components.charts import inside as charts
from dashboard.components.classes import noun
from dashboard.components.inside.words import short_titles, titles
from dashboard.components.learn.glossary import glossary
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.wall import short

SAMPLE = 300  # test images
MOST_EPOCHS = 12  # of the charts over the epochs
OUT, OUT_WHERE_ON = "What its units put out", "What its units put out where they are on"
Findings = tuple[list[health.Units], np.ndarray]  # of the sample: what its units do, and its probabilities (n, k)
_known: WeakKeyDictionary[Inside, tuple[str, Findings]] = WeakKeyDictionary()
_reading = threading.Lock()


def show_health(run: RunView, digits: Dataset, inside: Inside) -> None:
    """Show the worst finding, then classes, units and weights of the chosen epoch, and both over all kept epochs."""
    units, sample = findings(inside, digits)
    names = titles(inside.network)
    over_epochs = units and len(weight_epochs(run)) > 1
    worst = st.container(key="inside_worst")
    left, right = st.columns(2, gap="large") if over_epochs else (st.container(), None)
    with left:
        said, cause = _show_digits(run, digits, inside, sample)
    if right:
        over_time = right.container(key="inside_units_over_time")
    st.header("Units", anchor=False, help=f"A dead unit: {glossary()['dead unit'].text}")
    if units:
        st.caption(f"Counted on the first {len(sample)} test images.")
        faults = _show_units(run, units, names, cause)
    else:
        faults = []
        st.markdown("This network has no activation: each unit passes its sum on as it is, so none can be dead.")
    st.header("Weights", anchor=False)
    faults += _show_weights(run, inside, names, cause)
    with worst:
        if cause:
            _say(escape_markdown(cause), well=False)
        elif faults and not said:  # otherwise it stands first already
            _say(faults[0], well=False)
    if right:
        with over_time:  # last, since the first time takes seconds
            _show_shares(run, digits, short_titles(inside.network))


def findings(inside: Inside, digits: Dataset) -> Findings:
    """How the units do on a sample of the test images, and how these are read; kept for all sessions."""
    with _reading:
        known = _known.get(inside)
        if known is None or known[0] != digits.fingerprint:
            with one_thread():
                known = _known[inside] = digits.fingerprint, health.units(inside, digits.x_test[:SAMPLE])
    return known[1]


def _show_digits(run: RunView, digits: Dataset, inside: Inside, sample: np.ndarray) -> tuple[bool, str]:
    """Show which classes are read: of all test images where the run has saved that, otherwise of the sample.

    Returns:
        Whether a class is read too often or too seldom, and what in the settings holds the network back, "" if nothing.
    """
    saved = _saved_probabilities(run, digits, inside)
    probabilities = sample if saved is None else saved
    labels = digits.y_test[: len(probabilities)]
    read, true, sentence = health.digit_counts(probabilities, labels, run.classes)
    what = noun(run.classes)
    st.header("Digits" if run.is_digits else "Classes", anchor=False)
    if sentence:
        _say(escape_markdown(sentence), well=False)
    usual = np.mean(probabilities.argmax(axis=1) == labels) >= USUAL
    if not sentence:
        _say(f"Each {what} is read about as often as it is there.", well=True)
    images = f"{'the first' if saved is None else 'all'} {len(labels):,} test images"
    st.caption(f"Counted on {images}.")
    with st.container(key="inside_digits"):
        st.vega_lite_chart(
            charts.digit_bars(read, true, run.classes), alt=f"How often each {what} is read, and is there, of {images}"
        )
    return bool(sentence), "" if run.config is None or usual else held_back(run.config)


def _saved_probabilities(run: RunView, digits: Dataset, inside: Inside) -> np.ndarray | None:
    """What the run has saved of all test images at the epoch that is shown, float32 (n, k)."""
    if inside.epoch in run.predicted_epochs():
        found = run.probabilities(inside.epoch)
    else:
        found = run.probabilities() if inside is load_inside(run) else None
    if found is None or len(found) != len(digits.y_test) or run.foreign_dataset(digits):
        return None
    return found


def _show_units(run: RunView, units: list[health.Units], names: dict[str, str], cause: str) -> list[str]:
    """Show each layer of units, and return what is wrong, where most units are dead first."""
    faults = []
    with st.grid(min(3, len(units)), min_column_width=260, gap="medium", key="inside_units"):
        for layer in units:
            with st.container(border=True, gap="xsmall"):
                st.markdown(f"**{names[layer.layer]}**")
                words = _advise(run, layer.sentence, "" if cause else layer.advice, well=layer.well)
                if not layer.well:
                    faults.append((len(layer.dead) / layer.count, f"**{names[layer.layer]}:** {words}"))
                st.caption(_counted(layer), help=_numbers(layer))
                if (value := _only_value(layer.histogram)) is not None:
                    st.markdown(f"It puts out **{short(value)}** for every image.")
                    continue
                st.vega_lite_chart(
                    charts.histogram_chart(layer.histogram, title=OUT_WHERE_ON if layer.kind == "relu" else OUT),
                    alt=f"Histogram of what {names[layer.layer]} puts out",
                )
    return [words for _, words in sorted(faults, key=lambda fault: -fault[0])]


def _counted(layer: health.Units) -> str:
    words = [f"{layer.count} units", f"{len(layer.dead)} dead"]
    if layer.kind in health.SATURATED:
        words.append(f"{percent(layer.saturated, 0)} saturated")
    else:
        words += [f"{len(layer.always_on)} always on", f"{percent(layer.on, 0)} on"]
    return " · ".join(words)


def _numbers(layer: health.Units) -> str | None:
    """Which units are dead or always on, for a tooltip."""
    said = []
    for what, numbers in (("Dead", layer.dead), ("Always on", layer.always_on)):
        if numbers:
            more = f" and {len(numbers) - 20} more" if len(numbers) > 20 else ""
            said.append(f"{what}: {', '.join(map(str, numbers[:20]))}{more}.")
    return " ".join(said) or None


def _show_weights(run: RunView, inside: Inside, names: dict[str, str], cause: str) -> list[str]:
    """Show how the weights of each layer move and what they are, and return what is wrong."""
    faults = []
    epochs = health.spread(weight_epochs(run), MOST_EPOCHS)
    if damaged := [f"{epoch:,}" for epoch in epochs if load_inside(run, epoch) is None]:
        st.warning(f"The weights after epoch {', '.join(damaged)} are damaged, so the charts leave them out.")
    moved = health.updates(run, MOST_EPOCHS)
    layers = list(dict.fromkeys(update.layer for update in moved))
    if moved:
        epochs = sorted({update.after for update in moved})
        ratios = {(update.layer, update.after): update.ratio for update in moved}
        shares = {layer: [ratios.get((layer, epoch), np.nan) for epoch in epochs] for layer in layers}
        st.markdown(
            "**Change of the weights in an epoch**",
            help="The distance that a layer's weights move in an epoch, divided by the length of the weights before "
            "(both Euclidean).",
        )
        if any(0 < update.ratio < np.inf for update in moved):
            st.markdown("It is normal that the first epoch moves them most, and each later one less.")
            called = short_titles(inside.network)
            by_name = {called[layer]: shares[layer] for layer in layers}
            with st.container(key="inside_ratios"):
                st.vega_lite_chart(
                    charts.layers_chart(epochs, by_name, "Change in an epoch", log=True),
                    alt="How far each layer's weights move in an epoch, as a share of their size",
                )
        elif any(update.distance for update in moved):
            st.markdown("The weights began at zero, so their change has no share yet. The next epoch gives the first.")
        else:
            st.markdown("No weights have moved, so there is no change to draw.")
    first = load_inside(run, 0)
    before = {kernel.layer: kernel.histogram for kernel in health.kernels(first)} if first is not None else {}
    before = {layer: histogram for layer, histogram in before.items() if _only_value(histogram) is None}
    found = health.kernels(inside)
    if before:
        st.caption("Dashed: the first weights, before training.")
    with st.grid(min(3, len(found)), min_column_width=260, gap="medium", key="inside_weights"):
        for kernel in found:
            with st.container(border=True, gap="xsmall"):
                st.markdown(f"**{names[kernel.layer]}**")
                ours = [update for update in moved if update.layer == kernel.layer]
                if ours:
                    sentence, advice, well = health.judge_updates(ours)
                    words = _advise(run, sentence, "" if cause else advice, well=well)
                    if not well:
                        faults.append(f"**{names[kernel.layer]}:** {words}")
                if (value := _only_value(kernel.histogram)) is not None:
                    st.markdown(f"All its weights are **{short(value)}**.")
                    continue
                st.vega_lite_chart(
                    charts.histogram_chart(kernel.histogram, before.get(kernel.layer), title="Weights"),
                    alt=f"Histogram of the weights of {names[kernel.layer]}",
                )
    return faults


def _show_shares(run: RunView, digits: Dataset, names: dict[str, str]) -> None:
    """Show the share of units that are on, of each layer over the epochs."""
    epochs = health.spread(weight_epochs(run), MOST_EPOCHS)
    if len(epochs) < 2:
        return
    st.header("Over the epochs", anchor=False)
    bar = st.empty()
    shares: dict[str, list[float]] = {}
    shown = []
    for place, epoch in enumerate(epochs):
        inside = load_inside(run, epoch)
        if inside is None:
            continue
        if _known.get(inside) is None:
            bar.progress(place / len(epochs), "Running the network of each epoch on test images, once per run")
        for layer in findings(inside, digits)[0]:
            shares.setdefault(names[layer.layer], []).append(layer.on)
        shown.append(epoch)
    bar.empty()
    if not shares:
        return
    st.markdown(
        "Share of each layer's numbers that are above zero. After ReLU 10 to 90 % is normal; where a line falls to "
        "0 %, its units are dead."
    )
    with st.container(key="inside_shares"):
        st.vega_lite_chart(
            charts.layers_chart(shown, shares, "Above zero"), alt="Share of numbers above zero of each layer by epoch"
        )


def _only_value(histogram: health.Histogram) -> float | None:
    """The value of all that was counted; None where values differ, which fill the first and the last bin."""
    counts, edges = histogram
    return float(edges[0] + edges[-1]) / 2 if np.count_nonzero(counts) == 1 else None


def _say(sentence: str, *, well: bool) -> None:
    icon = ":blue[:material/check_circle:]" if well else ":orange[:material/warning:]"
    st.markdown(f"{icon} {sentence}")


def _advise(run: RunView, sentence: str, advice: str, *, well: bool) -> str:
    """Say, and return, what was found and what to do: only that against the settings that are the cause, if any."""
    if advice and run.config is not None:
        advice = cure(run.config) or advice
    words = f"{sentence} {advice}".strip()
    _say(words, well=well)
    return words
