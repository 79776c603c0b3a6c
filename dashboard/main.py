"""The router: the pages, and what they share."""

from pathlib import Path

import streamlit as st

from dashboard.components.attempts import say_what_happened
from dashboard.components.browser import prepare_browser
from dashboard.components.session import first_page

ICON = Path(__file__).with_name("icon.svg")  # a file: for a Material symbol each browser would ask a server outside
SIDEBAR = 336  # pixels: wide enough for the names of all networks in a row
PAGES = [
    st.Page(
        "app_pages/train.py",
        title="Train",
        icon=":material/model_training:",
        default=True,
        help="Choose a network and its epochs, train it, and watch it learn.",
    ),
    st.Page(
        "app_pages/predictions.py",
        title="Predictions",
        icon=":material/grid_view:",
        help="What a run says of every test image, and where it is wrong.",
    ),
    st.Page(
        "app_pages/confidence.py",
        title="Confidence",
        icon=":material/speed:",
        help="Whether a run is right as often as it is sure, and when it should say that it does not know.",
    ),
    st.Page(
        "app_pages/compare.py",
        title="Compare",
        icon=":material/compare_arrows:",
        help="Runs beside each other: their numbers, their curves, and what one fixed and broke.",
    ),
    st.Page(
        "app_pages/map.py",
        title="Map",
        icon=":material/scatter_plot:",
        help="The test images as the network sees them: what it holds to be alike lies close together.",
    ),
    st.Page(
        "app_pages/robustness.py",
        title="Robustness",
        icon=":material/shield:",
        help="What a run still reads of digits that were shifted, turned, blurred and the like.",
    ),
    st.Page(
        "app_pages/draw.py",
        title="Draw",
        icon=":material/draw:",
        help="Draw a digit and see what a run reads.",
    ),
    st.Page(
        "app_pages/export.py",
        title="Export",
        icon=":material/output:",
        help="Take a network out in other formats, each proven to answer the same.",
    ),
]


st.set_page_config(page_title="Digit Lab", page_icon=str(ICON), layout="wide", initial_sidebar_state=SIDEBAR)
prepare_browser()
say_what_happened()
try:
    st.navigation(PAGES).run()
finally:
    first_page.set()
