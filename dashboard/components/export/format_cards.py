"""What Export shows of a run's exports: a card for each format, code that uses it, their verification, int8's cost."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from core.data.classes import DIGITS
from core.export import verify
from core.export.formats import FORMATS, INSTALL, Format
from core.export.verify import Exports, Verification
from dashboard.components.classes import Classes, are_digits, count_word
from dashboard.components.downloads import show_download
from dashboard.components.formatting import percent
from dashboard.components.how_measured import how_measured
from dashboard.components.text import escape_markdown

USUAL_LOSS = 0.01  # of accuracy, that 8-bit weights may cost
BUTTON = 180  # pixels: buttons of one width stand in line


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
            "difference": st.column_config.TextColumn(
                "Largest change of a probability",
                alignment="right",
                help="Of any class's, for any test image, from the run's own LiteRT model.",
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
    with how_measured():
        if words := int8_cost(exports):
            st.markdown(words)
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
        "different": None if reference else found.different,
        "difference": None if reference else _change(found.difference),
        "one": 1000 * found.seconds_one,
        "all": 1000 * found.seconds_all,
        "speed": "reference" if reference else _speed(found),
    }


def _change(difference: float) -> str:
    """The change of a probability: "2.7 %", "0.013 %", "< 0.001 %"."""
    if difference < 0.00001:
        return "< 0.001 %"
    return percent(difference, 1 if difference >= 0.001 else 3)


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
        f"**LiteRT, int8** takes {100 * small.bytes / whole.bytes:.0f} % of the size of LiteRT. Of {exports.drawn} "
        f"drawings ({exports.drawings}), it reads {small.drawings} correctly, and LiteRT {whole.drawings}."
    )


def card(format: Format, exports: Exports | None, content: bytes | None, *, reason: str = "") -> None:
    """Show one format: what it is for, its state, and the button that downloads its file.

    Args:
        exports: what the current model's exports were found to do, None where there are none.
        content: the file to download, None where there is none.
        reason: why this run cannot be exported in this format, "" where it can.
    """
    found = exports.of(format.name) if exports else None
    with (
        st.container(border=True),
        st.container(horizontal=True, vertical_alignment="center", key=f"card_{format.name}"),
    ):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{format.title}** `{format.file}` {_state(format, exports, content, reason)}")
            st.markdown(format.sentence)
            if words := reason or (difference_in_words(exports, found) if found and content else ""):
                st.caption(words)
        show_download(
            "Download" if content is None else f"Download {len(content) / 1000:,.0f} KB",
            content,
            format.file,
            "application/octet-stream",
            key=f"download_{format.name}",
            width=BUTTON,
        )
    if reason:
        return
    if format.missing:
        st.info(
            f"{format.title} needs packages that are not installed: {', '.join(format.missing)}. In a terminal: "
            f"`{INSTALL}`",
            icon=":material/deployed_code:",
        )
    elif found and found.error:
        st.error(escape_markdown(f"{format.title} was not exported. {found.error}"), icon=":material/error:")
    elif found and content is None:
        st.warning("The file is missing or damaged. Export again.", icon=":material/broken_image:")


def usage(formats: Iterable[Format], image: bytes, help: str, classes: Classes = DIGITS) -> None:
    """Show code that reads an image with each format, and offer the image that it reads."""
    formats, count = list(formats), count_word(len(classes)).capitalize()
    st.markdown(f"Pixels go in as they are, uint8 (n, 28, 28), white on black. {count} probabilities come out.")
    with st.container(horizontal=True, vertical_alignment="center"):
        show_download("Download digit.png", image, "digit.png", "image/png", key="download_digit", help=help)
        st.markdown(
            f"{'A digit' if are_digits(classes) else 'An image'} for the code to read. Put it beside the model's file.",
            width="content",
        )
    places = st.tabs([format.title for format in formats]) if len(formats) > 1 else [st.container()]
    for place, format in zip(places, formats, strict=True):
        with place:
            st.code(format.snippet, language="python", wrap_lines=True)
            st.markdown(format.runs_in)


def _state(format: Format, exports: Exports | None, content: bytes | None, reason: str) -> str:
    if reason:
        return ":gray-badge[not available]"
    if format.name == "litert":
        return ":blue-badge[from training]"
    if format.missing:
        return ":gray-badge[packages missing]"
    found = exports.of(format.name) if exports else None
    if found is None:
        return ":gray-badge[not exported yet]"
    if found.error:
        return ":red-badge[failed]"
    if content is None:
        return ":orange-badge[missing or damaged]"
    if found.is_same:
        return ":green-badge[:material/check: verified]"
    words = "same predictions"
    if found.different:
        words = f"{found.different:,} of {exports.images:,} predictions differ"
    is_usual = found.format == "int8" and _loss(exports, found) <= USUAL_LOSS
    return f":blue-badge[{words}]" if is_usual else f":orange-badge[:material/warning: {words}]"


def _loss(exports: Exports, found: Verification) -> float:
    """How much less accurate it is than the run's LiteRT model."""
    whole = exports.of("litert")
    return whole.accuracy - found.accuracy if whole else 0.0


def difference_in_words(exports: Exports, found: Verification) -> str:
    """How its answers differ from those of the run's LiteRT model, as a sentence; "" where they do not."""
    if found.is_same or found.format == "litert":
        return ""
    if not found.different:
        return (
            f"It reads all {exports.images:,} test images as LiteRT does; a probability changes by up to "
            f"{_change(found.difference)}."
        )
    points = -100 * _loss(exports, found)
    change = f"{points:+.2f} points".replace("-", "−") if abs(points) >= 0.005 else "as LiteRT"
    return (
        f"It reads {found.different:,} of {exports.images:,} test images otherwise than LiteRT. Accuracy: "
        f"{percent(found.accuracy)} ({change})."
    )
