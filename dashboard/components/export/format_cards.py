"""What Export shows of a run's exports: the table of their verification, a card for each format, the cost of int8."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.export import verify
from core.export.formats import FORMATS, INSTALL, Format
from core.export.verify import Exports, Verification
from dashboard.components.downloads import show_download
from dashboard.components.formatting import percent
from dashboard.components.how_measured import how_measured
from dashboard.components.text import escape_markdown


def verification_table(exports: Exports) -> None:
    """Show a row for each export: differences from the run's own model, size, accuracy and times; and int8's cost."""
    rows = [_row(found) for found in exports.verifications if not found.error]
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
                help="The largest difference of any probability for any test image from the run's own LiteRT model.",
            ),
            "different": st.column_config.NumberColumn(
                "Different predictions", format="%,d", help=f"Of {exports.images:,} test images."
            ),
            "accuracy": st.column_config.NumberColumn("Accuracy", format="%.2f %%", help="On the test images."),
            "one": st.column_config.NumberColumn("One image", format="%.2f ms", help="The median of 50."),
            "all": st.column_config.NumberColumn(
                f"{exports.images:,} images",
                format="%,.0f ms",
                help=f"The median of three, in batches of {verify.BATCH}.",
            ),
            "speed": st.column_config.TextColumn(
                "Against LiteRT",
                alignment="right",
                help="The speed for all images, relative to LiteRT measured in the same minute. It depends less on the "
                "machine than the times do.",
            ),
        },
    )
    if words := int8_cost(exports):
        st.markdown(words)
    with how_measured():
        st.markdown(
            f"Each export was run on all {exports.images:,} test images in its own runtime and compared with the run's "
            "LiteRT model, which all pages use. The Keras row shows that the LiteRT model matches it."
        )


def _row(found: Verification) -> dict:
    reference = found.format == "litert"
    return {
        "Format": FORMATS[found.format].title,
        "accuracy": 100 * found.accuracy,
        "KB": found.bytes / 1000,
        "difference": None if reference else found.difference,
        "different": None if reference else found.different,
        "one": 1000 * found.seconds_one,
        "all": 1000 * found.seconds_all,
        "speed": "reference" if reference else _speed(found),
    }


def _speed(found: Verification) -> str | None:
    """How fast it reads all images compared with LiteRT: "3.1 × faster"."""
    if not found.seconds_all or not found.litert_all:
        return None
    ratio = found.litert_all / found.seconds_all
    if 0.95 < ratio < 1.05:
        return "as fast"
    return f"{ratio:.1f} × faster" if ratio > 1 else f"{1 / ratio:.1f} × slower"


def int8_cost(exports: Exports) -> str | None:
    """What int8 costs and saves, as sentences; None where it was not exported."""
    whole, small = exports.of("litert"), exports.of("int8")
    if not whole or not small or whole.error or small.error or not whole.bytes:
        return None
    return (
        f"**int8 against LiteRT.** Size {small.bytes / 1000:,.0f} KB (LiteRT: {whole.bytes / 1000:,.0f} KB), "
        f"{100 * small.bytes / whole.bytes:.0f} %. Test accuracy {percent(small.accuracy)} (LiteRT: "
        f"{percent(whole.accuracy)}), {small.different:,} of {exports.images:,} predictions differ. Of {exports.drawn} "
        f"drawings ({exports.drawings}), {small.drawings} correct (LiteRT: {whole.drawings})."
    )


def card(format: Format, found: Verification | None, content: bytes | None, *, reason: str = "") -> None:
    """Show one format: what it is for, the result of its verification, the file, and code that runs it.

    Args:
        found: its verification, None where the current model has none.
        content: the file to download, None where there is none.
        reason: why this run cannot be exported in this format, "" where it can.
    """
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{format.title}** `{format.file}` {_badge(found)}")
                st.markdown(format.sentence)
            if content is not None:
                show_download(
                    f"Download {len(content) / 1000:,.0f} KB",
                    content,
                    format.file,
                    "application/octet-stream",
                    key=f"download_{format.name}",
                    help=format.file,
                )
        if reason:
            st.caption(reason)
        elif format.missing:
            st.info(
                f"Needs packages that are not installed: {', '.join(format.missing)}. In a terminal: `{INSTALL}`",
                icon=":material/deployed_code:",
            )
        elif found and found.error:
            st.error(escape_markdown(f"The export failed. {found.error}"), icon=":material/error:")
        elif found and content is None:
            st.warning("The file is missing or damaged. Export again.", icon=":material/broken_image:")
        if content is not None:
            with st.expander("Run it", icon=":material/code:"):
                st.markdown(format.runs_in)
                st.code(format.snippet, language="python")


def _badge(found: Verification | None) -> str:
    if found is None or found.error:
        return ""
    if found.format == "litert":
        return ":blue-badge[reference]"
    if found.is_same:
        return ":green-badge[:material/check: verified]"
    words = f"up to {found.difference:.0e} off"
    if found.different:
        words = f"{found.different:,} prediction{' differs' if found.different == 1 else 's differ'}"
    return f":blue-badge[{words}]" if found.format == "int8" else f":orange-badge[:material/difference: {words}]"
