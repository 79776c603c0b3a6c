"""A run as one zip: the button that downloads it, and the upload that imports one from another Digit Lab."""

from __future__ import annotations

import time

import streamlit as st

from core.bundle.archive import MOST_ZIPPED, BundleError, pack, unpack, why_not
from core.data import Dataset
from core.people import refusal_to_make
from core.runs import Run, RunError
from core.storage import explain_os_error
from dashboard.components.actions import note_success
from dashboard.components.session import dataset_now, open_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.upload_limit import upload_limit


def show_bundle(run: Run) -> None:
    """Show a button that downloads the run as a zip; where it cannot be packed, its tooltip says why."""
    reason = why_not(run)
    st.download_button(
        "Download run.zip",
        lambda: pack(run, dataset_now()),
        f"{run.id}.zip",
        "application/zip",
        key=f"bundle_{run.id}",
        icon=":material/download:",
        on_click="ignore",
        disabled=bool(reason),
        help=escape_markdown(reason)
        or "Settings, history, predictions, LiteRT model and model card. To import it, drop it on the Train page of "
        "another Digit Lab, under Import a run.",
    )


def show_import(dataset: Dataset) -> None:
    """Show the upload that imports a zip as a run and opens it, or says why it cannot be imported."""
    with st.expander("Import a run", icon=":material/upload:", type="compact"):
        file = st.file_uploader(
            "A run as a zip, from another Digit Lab",
            type="zip",
            max_upload_size=upload_limit(MOST_ZIPPED),
            key=f"import_{st.session_state.setdefault('imports', 0)}",
            disabled=bool(refusal_to_make()),
            help="The zip from the Train page of another Digit Lab, under Files. Where the browser unpacked it, as "
            "Safari does, zip the folder again. Every file in it is checked, and a zip that fails a check is not "
            "imported.",
        )
        if file is None:
            return
        refused_id, reason = st.session_state.get("import_refused", ("", ""))
        if refused_id != file.file_id:
            reason = _take(file, dataset)
        st.error(escape_markdown(reason), icon=":material/error:")


def _take(file, dataset: Dataset) -> str:
    """Import an uploaded file and run the page again; returns the reason where that fails."""
    try:
        with st.spinner("Checking every file in the zip", show_time=True):
            run = unpack(file.getvalue(), store(), file.name, dataset)
    except (BundleError, RunError) as error:
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
    """Show where an imported run came from and whether it was verified; nothing for a run that was trained here."""
    imported = run.imported
    if not imported:
        return
    came = f"Imported from {imported.get('file')}{_day(imported.get('when'))}."
    st.info(escape_markdown(" ".join([came, *_verification(imported)])))


def _day(when: object) -> str:
    usable = isinstance(when, int | float) and 0 < when < 1e11
    return time.strftime(" on %Y-%m-%d", time.localtime(when)) if usable else ""


def _verification(imported: dict) -> list[str]:
    proof = imported.get("proof") or {}
    images, different = proof.get("images"), proof.get("different_predictions")
    if not isinstance(images, int) or not isinstance(different, int):
        words = "Not verified: it was trained on another dataset."
    elif different:
        words = f"On this machine, {different:,} of {images:,} predictions differ from those in the zip."
    else:
        words = f"Verified: on this machine, all {images:,} predictions match those in the zip."
    return [words, "It has no checkpoint to train further from. Start a new run with its settings."]
