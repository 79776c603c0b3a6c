"""Confidence: its calibration, what a temperature does to it, and when to abstain with "I don't know"."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.evaluation import confidence, predictions
from core.evaluation.confidence import ConfidenceReport
from core.people import may_change
from core.runs import RunError, ThresholdError
from core.storage import explain_os_error, printable
from dashboard.components.actions import note_failure
from dashboard.components.background_job import begin_button, follow
from dashboard.components.charts import calibration
from dashboard.components.classes import no_idea, noun
from dashboard.components.formatting import SIGMOID_SENTENCE, ends_in_sigmoids, percent
from dashboard.components.how_measured import how_measured
from dashboard.components.learn.glossary import linked
from dashboard.components.learn.lesson_link import lesson_link
from dashboard.components.page_head import begin_page
from dashboard.components.text import escape_markdown
from dashboard.components.views import view
from dashboard.components.widgets.gallery import gallery
from dashboard.components.widgets.tiles import reading_tiles

FEW = 12
EXAMPLE = 0.9  # a threshold, for what the slider does
ERROR_HELP = (
    "Expected calibration error: how far confidence and accuracy lie apart, over 15 bins weighted by their number of "
    "images (Guo et al. 2017, arXiv:1706.04599). 0 is perfect."
)


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Confidence", needs="probabilities")
    if run is None:
        return
    try:
        found = cached_report(printable(run.path), digits.fingerprint, confidence.saved_version(run), run, digits)
    except predictions.PredictionsError as error:
        st.error(escape_markdown(error), icon=":material/broken_image:")
        return
    if run.state.is_active:
        st.markdown(
            f":material/play_circle: This is how sure it was after epoch {found.reading.epoch} of "
            f"{run.state.target_epochs}. It is still training, and each epoch changes it."
        )
    st.header("When should it say that it does not know?", anchor=False)
    show_coverage(run, found)
    st.header("Is it right as often as it is sure?", anchor=False)
    show_reliability(run, found)
    show_extremes(run, digits, found)


@st.cache_resource(max_entries=8, show_spinner="Measuring its confidence, and fitting a temperature")
def cached_report(path, fingerprint, version, _run, _digits) -> ConfidenceReport:
    """The calibration of a run, cached for all browser sessions until the run's files change."""
    return confidence.confidence_report(_run, _digits)


def show_reliability(run, found: ConfidenceReport) -> None:
    """Compare confidence and accuracy in a sentence and in the reliability diagram, with the method beside it."""
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.markdown(confidence.in_words(found))
        st.caption(
            linked(
                "A bar shows how often it is right among the images of that confidence. On the dashed line it would be "
                "right as often as it is sure, and a thick line is the gap: its calibration. A pale bar has fewer "
                f"than {calibration.FEW} images and says little."
            )
        )
        with how_measured():
            show_method(run, found)
    with right, st.container(key="reliability"):
        show_diagram(found.diagram, "as trained")


def show_method(run, found: ConfidenceReport) -> None:
    """Show the calibration error, what a temperature does to it, or why there is none, and the bins as a table."""
    temperature = found.temperature
    fitted = temperature.value is not None
    with st.grid(5 if fitted else 3, min_column_width=150):
        st.metric(
            "Mean confidence",
            percent(found.mean_confidence),
            help=f"The mean probability of the predicted {noun(run.classes)}.",
        )
        st.metric(
            "Test accuracy", percent(found.reading.accuracy), help="Share of test images whose prediction is the label."
        )
        st.metric("Calibration error", percent(found.error), help=ERROR_HELP)
        if fitted:
            st.metric(
                "With temperature",
                percent(found.error_after),
                help="The calibration error on the test images once the temperature is applied.",
            )
            st.metric(
                "Temperature",
                f"{temperature.value:.3f}",
                help="Divides the logarithms of the probabilities: above 1 makes it less sure, below 1 surer. "
                "Predictions stay the same.",
            )
    st.markdown(no_idea(run.classes))
    if ends_in_sigmoids(run.config):
        st.markdown(SIGMOID_SENTENCE)
    lesson_link("softmax", "Softmax or sigmoid?")
    if fitted:
        mistakes = "one mistake" if temperature.mistakes == 1 else f"{temperature.mistakes:,} mistakes"
        better = found.error_after < found.error
        st.markdown(
            f"The temperature was fitted on the run's {temperature.images:,} validation images ({mistakes}), "
            f"which are not test images. On the test images it {'reduces' if better else 'does not reduce'} the "
            "calibration error."
        )
    else:
        st.info(temperature.reason, icon=":material/device_thermostat:")
        if temperature.needs_reading and not follow(run, "validation"):
            begin_button(run, "validation", "Read the validation images", key="read_validation", primary=True)
    st.markdown("**The bins as trained**")
    show_bins(found.diagram)
    if fitted:
        st.markdown(f"**With temperature {temperature.value:.3f}**")
        show_diagram(found.diagram_after, "with temperature")


def show_diagram(diagram, words: str) -> None:
    """Show a reliability diagram above the number of images in each bin."""
    st.vega_lite_chart(calibration.reliability_chart(diagram), alt=f"Accuracy by confidence, {words}")
    st.vega_lite_chart(calibration.count_chart(diagram), alt=f"Number of images by confidence, {words}")


def show_bins(diagram) -> None:
    """Show the bins of the reliability diagram as a table."""
    columns = {
        "Mean confidence": ("Sure", "Mean confidence."),
        "Right": (None, None),
        "Gap": (None, "Mean confidence minus accuracy, in points."),
    }
    st.dataframe(
        calibration.bins_in_percent(diagram),
        hide_index=True,
        height="content",
        column_config={
            name: st.column_config.NumberColumn(label, format="%.2f %%", help=words)
            for name, (label, words) in columns.items()
        },
        alt="Images, mean confidence and accuracy in each bin of confidence, as trained",
    )


def show_coverage(run, found: ConfidenceReport) -> None:
    """Show the threshold, its effect in words, and the coverage curve."""
    kept = run.threshold or 0.0  # from the file: another session may have set it
    least = round(100 * found.first_threshold, 1)
    percents = round(min(max(100 * kept, least), 99.5), 2)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.slider(
            "Least confidence to answer",
            least,
            99.5,
            percents,
            0.5,
            format="%.1f %%",
            **view(f"threshold_{run.id}_{least}", percents, partial(keep_threshold, run, least)),
            disabled=not may_change(run.owner),
            help="Saved with the run and used on the Draw page too. At the left end it always answers. It applies to "
            "the confidence as trained, without a temperature.",
        )
        st.markdown(threshold_effect(found, kept))
    with right.container(key="coverage"):
        st.vega_lite_chart(
            calibration.coverage_chart(found, kept),
            alt="Share of images that are answered, and accuracy among them, at every threshold",
        )


def threshold_effect(found: ConfidenceReport, threshold: float) -> str:
    """How many images are answered at a threshold, how many of them correctly, and what that costs, as a sentence."""
    reading, n = found.reading, len(found.reading.labels)
    told = confidence.refusal(reading, threshold)
    if threshold == 0:
        at = confidence.refusal(reading, EXAMPLE)
        example = f" At **{percent(EXAMPLE, 0)}**, for instance, it would answer "
        if at.answered < n / 100:
            example += f"**almost nothing** ({at.answered:,} image{'' if at.answered == 1 else 's'})."
        else:
            example += (
                f"**{percent(at.answered / n)}** of the images and be right on "
                f"**{percent(at.right / at.answered)}** of those."
            )
        return (
            f"It answers all {n:,} images and is right on **{percent(reading.accuracy)}** of them. Move the slider to "
            f"let it say “I don’t know” where it is unsure.{example}"
        )
    if told.answered == 0:
        return f"Below **{percent(threshold, 1)}** it says “I don’t know”: it answers **none** of the {n:,} images."
    if told.answered < n / 100:
        answers = f"**almost nothing** ({told.answered:,} of {n:,} images, {told.right:,} of them right)."
    else:
        answers = (
            f"**{percent(told.answered / n)}** of the images ({told.answered:,} of {n:,}) and is right on "
            f"**{percent(told.right / told.answered)}** of those."
        )
    return (
        f"Below **{percent(threshold, 1)}** it says “I don’t know”: it answers {answers}\n\n"
        f"This avoids **{told.caught:,}** of its {reading.mistakes:,} mistakes and costs **{told.lost:,}** correct "
        f"answer{'' if told.lost == 1 else 's'}."
    )


def keep_threshold(run, least: float, percents: float) -> None:
    """Save the slider's value, in percent, in the run; at its left end, `least`, the run always answers."""
    try:
        run.set_threshold(0.0 if percents <= least else round(percents / 100, 4))
    except (RunError, ThresholdError) as error:
        note_failure(str(error))
    except OSError as error:
        note_failure(explain_os_error(error))


def show_extremes(run, digits, found: ConfidenceReport) -> None:
    """Show the least confident right predictions and the most confident mistakes; a click opens one on Predictions."""
    st.header("Where does its confidence mislead?", anchor=False, help="Click an image to open it in Predictions.")
    groups = zip(
        ("Right, but least sure", "Wrong, and most sure"), confidence.extremes(found.reading, FEW), strict=True
    )
    for column, (words, indices) in zip(st.columns(2, gap="medium"), groups, strict=True):
        with column:
            st.subheader(words, anchor=False)
            if not len(indices):
                st.caption("None")
                continue
            key = words.split(",")[0].lower()
            chosen = gallery(
                digits.x_test[indices],
                reading_tiles(found.reading, indices, digits),
                key=f"{key}_extremes",
                label=words,
                classes=run.classes,
            )
            if chosen is not None:
                st.switch_page(
                    "app_pages/predictions.py", query_params={"run": run.id, "image": str(chosen), "show": "All"}
                )


page()
