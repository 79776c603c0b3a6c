"""What the page Export shows of a run's exports: the table of proofs, a card for each format, the price of int8."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.export import verify
from core.export.formats import FORMATS, INSTALL, Format
from core.export.verify import Exports, Proof
from dashboard.components.formatting import percent
from dashboard.components.text import escape_markdown


def proof_table(exports: Exports) -> None:
    """A row for each export that was read: what differs from the run's own model, size, accuracy and times."""
    rows = [_row(found) for found in exports.proofs if not found.error]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        row_height=36,
        placeholder="–",
        column_config={
            "KB": st.column_config.NumberColumn("Size", format="%,.0f KB", help="Of the file, in 1,000 bytes."),
            "difference": st.column_config.NumberColumn(
                "Largest difference",
                format="%.1e",
                help="Of any digit's probability for any test image, from the run's own LiteRT model.",
            ),
            "different": st.column_config.NumberColumn(
                "Predicted otherwise", format="%,d", help=f"Of {exports.images:,} test images."
            ),
            "accuracy": st.column_config.NumberColumn("Accuracy", format="%.2f %%", help="On the test images."),
            "one": st.column_config.NumberColumn("One image", format="%.2f ms", help="The median of 50."),
            "all": st.column_config.NumberColumn(
                f"{exports.images:,} images",
                format="%,.0f ms",
                help=f"The median of three, in batches of {verify.BATCH}.",
            ),
            "ratio": st.column_config.NumberColumn(
                "Against LiteRT",
                format="%.1f ×",
                help="Time for all images over what LiteRT took in the same minute. Seconds depend on the machine and "
                "on what else it does; this depends less.",
            ),
        },
    )
    st.caption(
        f"Each export read all {exports.images:,} test images in its own runtime, and was compared with the run's "
        "LiteRT model, by which every page here reads. The row of Keras is the proof of LiteRT."
    )


def _row(found: Proof) -> dict:
    reference = found.format == "litert"
    return {
        "Format": FORMATS[found.format].title,
        "KB": found.bytes / 1000,
        "difference": None if reference else found.difference,
        "different": None if reference else found.different,
        "accuracy": 100 * found.accuracy,
        "one": 1000 * found.seconds_one,
        "all": 1000 * found.seconds_all,
        "ratio": found.seconds_all / found.litert_all if found.litert_all else None,
    }


def price(exports: Exports) -> str | None:
    """What int8 costs and saves, in words; None where it was not exported."""
    whole, small = exports.of("litert"), exports.of("int8")
    if not whole or not small or whole.error or small.error or not whole.bytes:
        return None
    return (
        f"**The price of int8.** {small.bytes / 1000:,.0f} KB instead of {whole.bytes / 1000:,.0f} KB "
        f"({100 * small.bytes / whole.bytes:.0f} %). Accuracy on the test images {percent(small.accuracy)} instead of "
        f"{percent(whole.accuracy)}, {small.different:,} of {exports.images:,} predicted otherwise. Of {exports.drawn} "
        f"drawings ({exports.drawings}) {small.drawings} read right instead of {whole.drawings}."
    )


def card(format: Format, found: Proof | None, content: bytes | None, *, reason: str = "") -> None:
    """One format: what it is for, its proof in a word, the file, and code that runs it.

    Args:
        found: its proof, None where there is none of the model of today.
        content: the file to give out, None where there is none.
        reason: why it cannot be had for this run at all.
    """
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{format.title}** `{format.file}` {_badge(found)}")
                st.caption(f"{format.sentence} {format.runs_in}")
            if content is not None:
                st.download_button(
                    f"{len(content) / 1000:,.0f} KB",
                    content,
                    format.file,
                    "application/octet-stream",
                    key=f"download_{format.name}",
                    icon=":material/download:",
                    on_click="ignore",
                    help=f"Download {format.file}",
                )
        if reason:
            st.caption(reason)
        elif format.missing:
            st.info(
                f"Takes packages that are not installed here: {', '.join(format.missing)}. In a terminal: `{INSTALL}`",
                icon=":material/deployed_code:",
            )
        elif found and found.error:
            st.error(escape_markdown(f"It could not be exported. {found.error}"), icon=":material/error:")
        elif found and content is None:
            st.warning("Its file is missing or damaged. Export it again.", icon=":material/broken_image:")
        if content is not None:
            with st.expander("Run it", icon=":material/code:"):
                st.code(format.snippet, language="python")


def _badge(found: Proof | None) -> str:
    if found is None or found.error or found.format == "litert":
        return ""
    if found.is_same:
        return ":green-badge[:material/check: proven the same]"
    words = f"{found.different:,} predicted otherwise" if found.different else f"up to {found.difference:.0e} off"
    return f":orange-badge[:material/difference: {words}]"
