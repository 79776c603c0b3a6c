"""A run as one zip: the button that downloads it, and the place where one from another Digit Lab is dropped."""

from __future__ import annotations

import time

import streamlit as st

from core.bundle.archive import MOST_ZIPPED, BundleError, pack, unpack, why_not
from core.data import Dataset
from core.runs import Run
from core.storage import explain_os_error
from dashboard.components.attempts import note_success
from dashboard.components.session import open_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.upload_limit import upload_limit


def show_bundle(run: Run) -> None:
    """A button that packs the run when it is pressed; where it cannot be packed now its tooltip says why."""
    reason = why_not(run)
    st.download_button(
        "Run as a zip",
        lambda: pack(run),
        f"{run.id}.zip",
        "application/zip",
        key=f"bundle_{run.id}",
        icon=":material/folder_zip:",
        on_click="ignore",
        disabled=bool(reason),
        help=escape_markdown(reason)
        or "Its settings, history, predictions and LiteRT model. Drop it on the Train page of another Digit Lab, under "
        "Import a run.",
    )


def show_import(dataset: Dataset) -> None:
    """Where a bundle is dropped; it becomes a run, which is opened, or the page says why not."""
    with st.expander("Import a run", icon=":material/upload:"):
        file = st.file_uploader(
            "A run as a zip, from another Digit Lab",
            type="zip",
            max_upload_size=upload_limit(MOST_ZIPPED),
            key=f"import_{st.session_state.setdefault('imports', 0)}",
            help="The zip that its Train page gave, under Files. Everything in it is checked, its model is run by "
            "LiteRT alone, and nothing is kept of a file that is not as it should be.",
        )
        if file is None:
            return
        refused_id, reason = st.session_state.get("import_refused", ("", ""))
        if refused_id != file.file_id:
            reason = _take(file, dataset)
        st.error(escape_markdown(reason), icon=":material/error:")


def _take(file, dataset: Dataset) -> str:
    """Import an uploaded file and run the page again; returns why where that cannot be done."""
    try:
        with st.spinner("Checking every file in it", show_time=True):
            run = unpack(file.getvalue(), store(), file.name, dataset)
    except BundleError as error:
        reason = str(error)
    except OSError as error:
        reason = explain_os_error(error)
    else:
        st.session_state["imports"] += 1  # another key is an empty uploader
        open_run(run.id)
        note_success(f"{run.name} was imported.")
        st.rerun()
    st.session_state["import_refused"] = (file.file_id, reason)
    return reason


def import_note(run: Run) -> None:
    """Where an imported run came from, and what was found of it; nothing for a run that was trained here."""
    imported = run.imported
    if not imported:
        return
    came = f"Imported from {imported.get('file')}{_day(imported.get('when'))}."
    st.info(escape_markdown(" ".join([came, *_proof(imported)])))


def _day(when: object) -> str:
    usable = isinstance(when, int | float) and 0 < when < 1e11
    return time.strftime(" on %Y-%m-%d", time.localtime(when)) if usable else ""


def _proof(imported: dict) -> list[str]:
    proof = imported.get("proof") or {}
    images, different = proof.get("images"), proof.get("different_predictions")
    if not isinstance(images, int) or not isinstance(different, int):
        words = "It was not trained on the dataset that was here then, so what it claims was not proven."
    elif different:
        words = f"On this machine its model reads {different:,} of {images:,} test images differently than it claims."
    else:
        words = f"On this machine its model read all {images:,} test images as it claims."
    return [words, "It brought no checkpoint, so it cannot be trained further: start a new run with its settings."]
