"""The dataset of the next run in the sidebar of Train: which, among those that are here, and adding another one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.data import EMBEDDED, Dataset, DatasetError
from core.data.adding import MOST_SENT, Addition, from_files, from_path, may_name_paths
from core.data.classes import MOST_CLASSES
from core.data.digits_of_people import dataset_of_digits, embedded
from core.data.download import Progress
from core.data.kept import KeptDataset, refusal_to_add
from core.data.my_digits import MyDigits
from core.drawing.mnist_form import IMAGE_SHAPE
from core.people import own_home
from core.storage import explain_os_error
from dashboard.components.actions import note_failure, note_success
from dashboard.components.address import remember
from dashboard.components.classes import in_words
from dashboard.components.people import people, this_person
from dashboard.components.question import ask, asked, show_question
from dashboard.components.session import dataset, dataset_error, services, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.locks import locked, show_locked
from dashboard.components.train.settings import IN_USE, PAGE, last_dataset, missing_dataset
from dashboard.components.upload_limit import upload_limit
from dashboard.components.views import view
from dashboard.components.widgets.gallery import picture

LOOK_SECONDS = 0.4
IN_A_ROW = 10  # images
MOST_PATH = 1000  # characters
ADDITION, REFUSED = "dataset_addition", "dataset_refused"  # in the session: the last one, and why there is none
TRIED = "dataset_files_tried"  # those that were dropped last
FIELDS = "dataset_fields"  # how often something was tried, and added, which are parts of fields' keys; the last of them
QUESTION = "dataset_to_remove"
ALONE = "alone"


def show_dataset(digits: Dataset) -> None:
    """Show the dataset of the next run, some of its images, and how many it has; choose among several, and add one."""
    kept = {each.fingerprint: each for each in services().datasets.all()}
    with st.container(gap="xsmall", key="dataset_choice"):
        _choose(kept)
        st.image(_one_of_each(digits.fingerprint, digits), width="stretch", alt=f"Images of {digits.name}")
        classes = "" if digits.is_digits else f", {in_words(digits.classes)}"
        counts = f"{len(digits.x_train):,} training and {len(digits.x_test):,} test images{classes}"
        st.caption(escape_markdown(counts))
        if locked("dataset"):
            show_locked()
    if not refusal_to_add():
        with st.expander("Add a dataset", icon=":material/add:", type="compact", key="add_dataset"):
            _show_adding()
            if chosen := kept.get(digits.fingerprint):
                st.button(
                    f"Remove {escape_markdown(chosen.name)}",
                    icon=":material/delete:",
                    type="tertiary",
                    key="remove_dataset",
                    on_click=ask,
                    args=(QUESTION, chosen),
                )


def _choose(kept: dict[str, KeptDataset]) -> None:
    used, chosen = dataset(), last_dataset()
    others = {fingerprint: each.name for fingerprint, each in kept.items() if fingerprint != used.fingerprint}
    names = {"": used.name} | {
        fingerprint: name if name != used.name else f"{name}, added" for fingerprint, name in others.items()
    }
    if others or locked("dataset"):
        st.selectbox(
            "Dataset",
            list(names),
            list(names).index(chosen) if chosen in names else 0,
            format_func=lambda fingerprint: names.get(fingerprint, fingerprint),
            disabled=locked("dataset") is not None,
            help="What the next run is trained and tested on. A run keeps its dataset, and its pages show that one.",
            **view("dataset", chosen, _keep, list(names)),
        )
    else:
        st.markdown(f"Dataset: **{escape_markdown(used.name)}**")
    if missing_dataset():
        words = f"The dataset chosen before is not here. This is {used.name}."
        st.caption(f":material/database_off: {escape_markdown(words)}")


def _keep(fingerprint: str) -> None:
    remember(PAGE, "dataset", fingerprint or IN_USE)


@st.cache_resource(max_entries=16, show_spinner=False)
def _one_of_each(fingerprint: str, _digits: Dataset) -> str:
    """The first training image of each class in rows, as a data URL; black where there is none."""
    rows = []
    for digit in range(-(-len(_digits.classes) // IN_A_ROW) * IN_A_ROW):
        found = np.flatnonzero(_digits.y_train == digit)[:1]
        rows.append(_digits.x_train[found[0]] if len(found) else np.zeros(IMAGE_SHAPE, np.uint8))
    return picture(
        np.concatenate([np.concatenate(rows[at : at + IN_A_ROW], axis=1) for at in range(0, len(rows), IN_A_ROW)])
    )


# Adding


def _show_adding() -> None:
    addition: Addition | None = st.session_state.get(ADDITION)
    if addition and not addition.is_through:
        _follow(addition)
        return
    drops, paths, last = st.session_state.get(FIELDS, (0, 0, None))
    if last is not addition:  # other keys are empty fields; a path that was refused can be corrected
        drops, paths = drops + 1, paths + bool(addition and addition.kept)  # none where it was removed since
        st.session_state[FIELDS] = drops, paths, addition
    if problem := st.session_state.get(REFUSED) or (addition and addition.problem):
        dataset_error(DatasetError(problem))
    elif addition:
        _say_added(addition.kept)
    files = st.file_uploader(
        "Drop its file here",
        accept_multiple_files=True,
        max_upload_size=upload_limit(MOST_SENT),
        key=f"dataset_files_{drops}",
        help="Handwritten digits from 0 to 9 with their labels, or other images of 28 × 28 pixels with up to "
        f"{MOST_CLASSES} classes, such as letters or clothes. Files that belong together, as MNIST's four, are "
        "dropped together. It is checked, and kept in the home as one file.",
    )
    sent = tuple(file.file_id for file in files)
    if sent and st.session_state.get(TRIED) != sent:
        st.session_state[TRIED] = sent
        names = [file.name for file in files]
        _begin(partial(from_files, list(zip(names, files, strict=True))), names[0].partition(".")[0])
        st.rerun()
    if may_name_paths():
        field = f"dataset_path_{paths}"
        st.text_input("Or name a file or folder", max_chars=MOST_PATH, placeholder="/home/ada/digits", key=field)
        st.button("Add it", icon=":material/add:", key="add_path", on_click=_add_path, args=(field,))
    _show_my_digits()


def _begin(make: Callable[[Progress], Dataset], name: str = "", writers: tuple[str, ...] = ()) -> None:
    """Begin to add a dataset; where that cannot be, say why."""
    try:
        st.session_state[ADDITION] = Addition(services().datasets, make, name, writers)
        st.session_state.pop(REFUSED, None)
    except DatasetError as error:
        st.session_state[REFUSED] = str(error)


def _add_path(key: str) -> None:
    path = str(st.session_state.get(key, "")).strip("\"' ")
    if path and may_name_paths():
        _begin(partial(from_path, path), path.rstrip("/\\").replace("\\", "/").rpartition("/")[2].partition(".")[0])


@st.fragment(run_every=LOOK_SECONDS)
def _follow(addition: Addition) -> None:
    if addition.is_through:
        st.rerun()
    done, total = addition.progress
    st.progress(min(1.0, done / total) if total else 0.0, text="Reading and checking the dataset")


def _say_added(kept: KeptDataset) -> None:
    train, test = sum(kept.train), sum(kept.test)
    with st.container(key="dataset_added", gap="xsmall"):
        st.markdown(
            f":material/check: **{escape_markdown(kept.name)}** is here: {train:,} training and {test:,} test images."
        )
        for words in (*kept.warnings, *kept.doubts):
            st.caption(escape_markdown(words))
        if kept.fingerprint != (last_dataset() or dataset().fingerprint) and not locked("dataset"):
            st.button(
                "Train on it",
                icon=":material/database:",
                key="train_on_added",
                on_click=_keep,
                args=(kept.fingerprint,),
            )


# My digits


def _show_my_digits() -> None:
    """Offer the drawings that were labelled, alone or beside other digits; nothing where there are none."""
    if not any(digits.newest() for digits in _writers().values()):
        return
    used = dataset()
    besides = [ALONE, *([] if used.name == EMBEDDED else [used.name]), EMBEDDED]
    st.segmented_control(
        "Or take My digits" if this_person() is None else "Or take the digits of all names",
        besides,
        default=ALONE,
        required=True,
        format_func=lambda name: {ALONE: "Alone", EMBEDDED: "With the embedded digits"}.get(name, f"With {name}"),
        key="digits_beside",
        help="A dataset of the drawings that are labelled now. Where several people drew, it is split by writer: every "
        "third of them is tested, and trained on in no drawing. Augment then varies them anew in each epoch.",
    )
    st.button("Add them", icon=":material/inventory_2:", key="add_my_digits", on_click=_add_my_digits)


def _writers() -> dict[str, MyDigits]:
    """The labelled drawings of everybody of a class, or of a machine's one person, by the writer's id."""
    home = store().home
    if this_person() is None:
        return {"": MyDigits(home)}
    return {person.id: MyDigits(own_home(home, person.id)) for person in people().all()}


def _add_my_digits() -> None:
    written, used, beside = _writers(), dataset(), st.session_state.get("digits_beside", ALONE)

    def make(progress: Progress) -> Dataset:
        others = None if beside == ALONE else embedded() if beside == EMBEDDED else used
        return dataset_of_digits(written, others)

    _begin(make, writers=tuple(writer for writer, digits in written.items() if writer and digits.newest()))


# Removing


def ask_whether_to_remove() -> None:
    """Show the question where a dataset is about to be removed."""
    if kept := asked(QUESTION):
        runs = sum(run.wanted_dataset == kept.fingerprint for run in store().runs())
        trained, whose = ("1 run was", "Its") if runs == 1 else (f"{runs:,} runs were", "Their")
        words = f"{trained} trained on it. {whose} pages stay, and show no images of it until it is added again. "
        show_question(
            QUESTION,
            f"Remove {kept.name}?",
            partial(st.write, escape_markdown(f"{words * bool(runs)}It came from {kept.source}.")),
            no="Keep it",
            yes="Remove the dataset",
            icon=":material/delete:",
            key="really_remove_dataset",
            on_yes=partial(_remove, kept),
            deletes=True,
        )


def _remove(kept: KeptDataset) -> None:
    try:
        services().remove_dataset(kept)
    except DatasetError as error:
        note_failure(str(error))
    except OSError as error:
        note_failure(explain_os_error(error))
    else:
        if last_dataset() == "" and not locked("dataset"):
            _keep("")
        st.session_state.pop(ADDITION, None)
        note_success(f"{kept.name} was removed.")
