"""Predictions: what a run says of every test image, and where it is wrong."""

from __future__ import annotations

import streamlit as st

from core import evaluation
from dashboard.components import explorer, reading_charts
from dashboard.components.explorer import NEWEST, ONLY, ORDERS, SHOW, Filter
from dashboard.components.gallery import Tile, enlarged, gallery
from dashboard.components.shared import SIGMOID_SENTENCE, choose_run, dataset, dataset_note, percent

PAGE_SIZE = 100
CLEARED = {"show": SHOW[0], "label": None, "prediction": None, "sure": (0, 100), "only": None, "order": ORDERS[0]}


def page() -> None:
    """The whole page, from top to bottom."""
    st.title("Predictions")
    digits = dataset()
    dataset_note(digits)
    run = choose_run()
    if run is None:
        return
    try:
        moments = explorer.moments(run)
        headline = st.container()
        epoch = choose_moment(moments)
        reading = read(str(run.path), explorer.stamp(run), epoch, run, digits)
    except explorer.ReadingError as error:
        st.error(str(error), icon=":material/broken_image:")
        return
    with headline:
        show_headline(run, reading, newest=epoch == moments[NEWEST])
    wanted = choose_filter(digits)
    image = chosen_image(len(reading.labels))
    needs_past = wanted.needs_past or image is not None
    past = look_back(str(run.path), explorer.stamp(run), reading.epoch, run, digits) if needs_past else None
    found = explorer.matching(reading, past, wanted)

    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_gallery(run, digits, reading, found, wanted, image)
    with right:
        with st.container(key="one_image"):
            if image is not None:
                show_image(digits, reading, past, found, image)
        show_matrix(run, reading, wanted)

    st.subheader("Most frequent mistakes")
    show_worst_pairs(reading)
    st.subheader("Digit by digit")
    show_digits(reading)


@st.cache_resource(max_entries=8, show_spinner="Reading the predictions")
def read(path, stamp, epoch, _run, _digits) -> explorer.Reading:
    """The reading at a moment, computed once for all browser sessions until the run's files change."""
    return explorer.read(_run, _digits, epoch)


@st.cache_resource(max_entries=2, show_spinner="Looking back over the epochs")
def look_back(path, stamp, until, _run, _digits) -> explorer.Past | None:
    """What the epochs up to `until` said, kept in the same way."""
    return explorer.look_back(_run, _digits, until)


def show_headline(run, reading: explorer.Reading, *, newest: bool) -> None:
    """The numbers that sum it up, and what has to be known to read them."""
    corrected = reading.corrected
    with st.grid(4 if corrected else 3, min_column_width=150):
        st.metric(
            "Test accuracy", percent(reading.accuracy), help="Share of test images whose prediction is their label."
        )
        if corrected:
            st.metric(
                "With corrected labels",
                percent(corrected.corrected),
                help="Fifteen labels of MNIST's test set are known to be wrong or in doubt: ten are corrected, "
                f"five left out. {evaluation.LABEL_ERRORS_SOURCE}.",
            )
        st.metric("Mistakes", f"{reading.mistakes:,}", help=f"Of {len(reading.labels):,} test images.")
        st.metric("Epochs", reading.epoch)
    if run.state.is_active:
        watch(run, explorer.stamp(run), reading.epoch)
    if not newest:
        st.caption(f":material/history: As it was after epoch {reading.epoch}.")
    if run.config is not None and run.config.model == "seed":
        st.caption(SIGMOID_SENTENCE)


@st.fragment(run_every=2)
def watch(run, known, epoch: int) -> None:
    """Say that the run still trains, and show the page anew when there is something new."""
    if explorer.stamp(run) != known or not run.state.is_active:
        st.rerun()
    st.caption(f":material/play_circle: After epoch {epoch}, still training.")


def choose_moment(moments: dict[str, int | None]) -> int | None:
    """The epoch to look at; None is the end."""
    if len(moments) < 2:
        return moments[NEWEST]
    newest = "the end" if moments[NEWEST] is None else str(moments[NEWEST])
    word = st.select_slider(
        "Time machine: as it was after epoch",
        list(moments),
        value=NEWEST,
        format_func=lambda name: newest if name == NEWEST else name,
        key="epoch",
        bind="query-params",
        on_change=begin_again,
        help="Numbers, matrix and gallery as they were after each epoch.",
    )
    return moments.get(word, moments[NEWEST])


def choose_filter(digits) -> Filter:
    """The filter's widgets in a row; all of them are in the address."""
    bound = {"bind": "query-params", "on_change": begin_again}
    known = ONLY if digits.is_mnist else ONLY[1:]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.segmented_control("Show", SHOW, default=SHOW[0], required=True, key="show", **bound)
        pick = {"options": range(10), "index": None, "placeholder": "Any", "width": 110}
        label = st.selectbox("Label", key="label", help="The digit that the image is said to be.", **pick, **bound)
        prediction = st.selectbox("Read as", key="prediction", help="The digit that the network sees.", **pick, **bound)
        order = st.selectbox("Order", ORDERS, key="order", width=170, **bound)
        only = st.selectbox(
            "Only",
            known,
            index=None,
            placeholder="All of them",
            key="only",
            width=190,
            help="Forgotten: right after some epoch, wrong now. Never right: wrong after every epoch so far.",
            **bound,
        )
        sure = st.slider("Confidence", 0, 100, (0, 100), format="%d %%", key="sure", width=210, **bound)
        # Text, since a bound st.number_input fails on ?image=1e400 (streamlit 1.67: int of infinity).
        st.text_input(
            "Image",
            max_chars=6,
            placeholder="Number",
            key="image",
            bind="query-params",
            width=120,
            help="Open an image by its number in the test set.",
        )
        st.button("Clear all", icon=":material/filter_alt_off:", on_click=clear, help="Show all mistakes again.")
    return Filter(
        show=show if show in SHOW else SHOW[0],
        label=label if label in range(10) else None,
        prediction=prediction if prediction in range(10) else None,
        confidence=tuple(sorted(sure)),
        only=only if only in known else None,
        order=order if order in ORDERS else ORDERS[0],
    )


def show_gallery(run, digits, reading: explorer.Reading, found, wanted: Filter, image: int | None) -> None:
    """The images that pass the filter, a hundred a page."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{len(found):,} image{'' if len(found) == 1 else 's'}**: {wanted}", width="content")
        st.download_button(
            "CSV",
            lambda: explorer.as_csv(reading, found),
            f"{run.id}-images.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="These images with label, prediction, confidence and all ten probabilities.",
            disabled=len(found) == 0,
        )
    if len(found) == 0:
        st.info("No image passes this filter.", icon=":material/filter_alt:")
    here = st.container()
    number = st.pagination(explorer.pages(found, PAGE_SIZE), key="page", bind="query-params")
    shown = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    doubted = explorer.label_errors() if digits.is_mnist else {}
    tiles = [
        Tile(
            index=i,
            label=int(reading.labels[i]),
            prediction=int(reading.predictions[i]),
            confidence=float(reading.confidence[i]),
            flag="label in doubt" if i in doubted else "",
        )
        for i in shown.tolist()
    ]
    if tiles:
        with here:
            gallery(
                digits.x_test[shown],
                tiles,
                key="gallery",
                selected=image,
                on_choose=open_image,
                label=f"Test images: {wanted}",
                reveal="one_image",
            )


def show_image(digits, reading: explorer.Reading, past: explorer.Past | None, found, image: int) -> None:
    """One image: what it is, what was read, how sure, and how that came about."""
    label, prediction = int(reading.labels[image]), int(reading.predictions[image])
    place = explorer.place(found, image)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Image {image}**", width="stretch")
            for name, target in (("Previous", place.previous), ("Next", place.next)):
                st.button(
                    name,
                    key=f"{name.lower()}_image",
                    type="tertiary",
                    on_click=open_image,
                    args=(target, place.page_of(target, PAGE_SIZE)),
                    disabled=target is None,
                )
            st.button("Close", key="close_image", type="tertiary", on_click=open_image, args=(None,))
        picture, words = st.columns([2, 3], vertical_alignment="center")
        picture.image(enlarged(digits.x_test[image]), width=168)
        second = int(reading.second[image])
        with words:
            if reading.right[image]:
                st.markdown(f":blue[:material/check:] A **{label}**, read as **{prediction}**")
            else:
                st.markdown(f":orange[:material/close:] A **{label}**, read as **{prediction}**")
            st.markdown(
                f"{percent(reading.confidence[image])} sure  \n"
                f"Second guess: {second} ({percent(reading.probabilities[image, second])})  \n"
                f"Loss: {reading.loss[image]:.3f}",
                help="Loss: minus the logarithm of the label's probability. 0 is sure and right.",
            )
        error = explorer.label_errors().get(image) if digits.is_mnist else None
        if error is not None:
            st.warning(
                f"This label is in doubt: of five people, {error.votes_given} saw a {error.given}, "
                f"{error.votes_guess} a {error.guess} and {error.votes_neither} neither.",
                icon=":material/flag:",
            )
        st.altair_chart(
            reading_charts.probability_chart(reading, image),
            alt=f"Probabilities of image {image}, highest for {prediction}",
        )
        if past is not None and len(past.epochs) > 1:
            st.caption(explorer.story(past, image))
            st.altair_chart(
                reading_charts.past_chart(past, reading, image), alt=f"Probabilities of image {image} over the epochs"
            )


def show_matrix(run, reading: explorer.Reading, wanted: Filter) -> None:
    """The confusion matrix; a click on a cell shows its images, as the pickers above do."""
    st.subheader("Confusion matrix", help="Click a cell, or a row's or column's total, to see its images.")
    with st.container(horizontal=True, vertical_alignment="center"):
        unit = st.segmented_control(
            "Unit", ("Counts", "% of label"), default="Counts", required=True, key="unit", label_visibility="collapsed"
        )
        diagonal = st.toggle("Right ones too", key="diagonal", persist_state="session")
        st.download_button(
            "CSV",
            lambda: explorer.matrix_csv(reading.matrix),
            f"{run.id}-confusion-matrix.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="matrix_csv",
        )
    st.altair_chart(
        reading_charts.confusion_chart(
            reading.matrix,
            shares=unit == "% of label",
            diagonal=diagonal,
            chosen=(wanted.label, wanted.prediction),
        ),
        key=matrix_key(),
        on_select=choose_cell,
        alt=f"Confusion matrix, {reading.mistakes} mistakes",
    )


def show_worst_pairs(reading: explorer.Reading) -> None:
    """The most frequent mistakes in words; each leads to its images."""
    pairs = evaluation.worst_pairs(reading.matrix, limit=10)
    if not pairs:
        st.caption("There are none.")
    with st.container(horizontal=True):
        for pair in pairs:
            times = "once" if pair.count == 1 else f"{pair.count} times"
            st.button(
                f"{pair.label} read as {pair.prediction}: {times}",
                key=f"pair_{pair.label}_{pair.prediction}",
                on_click=show_pair,
                args=(pair.label, pair.prediction),
            )


def show_digits(reading: explorer.Reading) -> None:
    """Precision, recall and F1 of each digit."""
    percents = {
        "Precision": "Of all images read as this digit, how many are it.",
        "Recall": "Of all images of this digit, how many were read as it.",
        "F1": "The harmonic mean of precision and recall.",
    }
    st.dataframe(
        reading_charts.per_digit_table(reading.matrix),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f %%", help=words) for name, words in percents.items()
        },
        alt="Precision, recall, F1, images and mistakes of each digit",
    )


def chosen_image(count: int) -> int | None:
    """The image that is open, None for none or where the address names one that does not exist."""
    text = str(st.session_state.get("image") or "").strip()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else count
    return number if number < count else None


def open_image(image: int | None, page_number: int | None = None) -> None:
    """Open an image, or close it with None; turn the gallery's page to it where its number is given."""
    st.session_state["image"] = "" if image is None else str(image)
    if page_number is not None:
        st.session_state["page"] = page_number


def matrix_key() -> str:
    """The chart's key; a new one forgets its last click, so that the same cell can be clicked again."""
    return f"matrix_{st.session_state.get('matrix_round', 0)}"


def begin_again() -> None:
    """Another filter: back to its first page."""
    st.session_state["page"] = 1
    st.session_state["matrix_round"] = st.session_state.get("matrix_round", 0) + 1


def clear() -> None:
    """Back to all mistakes."""
    st.session_state.update(CLEARED)
    st.session_state["image"] = ""
    begin_again()


def choose_cell() -> None:
    """Show the images of the cell that was clicked."""
    cell = reading_charts.clicked(st.session_state[matrix_key()].selection)
    if cell is not None:
        st.session_state["label"], st.session_state["prediction"] = cell
        if None not in cell:
            st.session_state["show"] = "Right" if cell[0] == cell[1] else "Mistakes"
        st.session_state["page"] = 1


def show_pair(label: int, prediction: int) -> None:
    """Show the mistakes of one pair, and nothing else."""
    clear()
    st.session_state["label"], st.session_state["prediction"] = label, prediction


page()
