"""The router: the list of pages, and what runs around each of them."""

from contextlib import suppress
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import StopException

from core.people import use_resolver
from dashboard.callbacks import let_callbacks_finish
from dashboard.components.actions import show_outcome
from dashboard.components.activity import show_activity
from dashboard.components.address import note_page
from dashboard.components.browser import prepare_browser
from dashboard.components.learn.guide import ADDRESS, follow_guide, show_guide
from dashboard.components.learn.progress import active_lesson
from dashboard.components.page_head import ABOUT
from dashboard.components.people import ask_for_name, is_nobody, who_acts
from dashboard.components.person_menu import show_person
from dashboard.components.session import first_page
from dashboard.components.train.address_settings import take_locks
from dashboard.components.tune.question import ask_whether_to_begin
from dashboard.serving.flags import is_class
from dashboard.serving.read_only import show_whether_read_only

ICON = Path(__file__).with_name("icon.svg")  # a file: for a Material symbol each browser would ask a server outside
SIDEBAR = 336  # pixels: wide enough for the names of all networks in a row
PAGES = [
    st.Page(
        "app_pages/train.py",
        title="Train",
        icon=":material/model_training:",
        default=True,
        help=ABOUT["Train"],
    ),
    st.Page(
        "app_pages/learn.py",
        title="Learn",
        icon=":material/school:",
        help=ABOUT["Learn"],
    ),
    st.Page(
        "app_pages/predictions.py",
        title="Predictions",
        icon=":material/grid_view:",
        help=ABOUT["Predictions"],
    ),
    st.Page(
        "app_pages/confidence.py",
        title="Confidence",
        icon=":material/speed:",
        help=ABOUT["Confidence"],
    ),
    st.Page(
        "app_pages/compare.py",
        title="Compare",
        icon=":material/compare_arrows:",
        help=ABOUT["Compare"],
    ),
    st.Page(
        "app_pages/tune.py",
        title="Tune",
        icon=":material/tune:",
        help=ABOUT["Tune"],
    ),
    st.Page(
        "app_pages/map.py",
        title="Map",
        icon=":material/scatter_plot:",
        help=ABOUT["Map"],
    ),
    st.Page(
        "app_pages/inside.py",
        title="Inside",
        icon=":material/visibility:",
        help=ABOUT["Inside"],
    ),
    st.Page(
        "app_pages/robustness.py",
        title="Robustness",
        icon=":material/shield:",
        help=ABOUT["Robustness"],
    ),
    st.Page(
        "app_pages/draw.py",
        title="Draw",
        icon=":material/draw:",
        help=ABOUT["Draw"],
    ),
    st.Page(
        "app_pages/export.py",
        title="Export",
        icon=":material/output:",
        help=ABOUT["Export"],
    ),
]
CLASS = st.Page(
    "app_pages/class.py",
    title="Class",
    icon=":material/groups:",
    help="For the teacher: who is here, what they train, and what everybody may.",
)


def draw(page: StreamlitPage) -> None:
    """Draw a page and what is around it, or as much as is to be seen."""
    prepare_browser()
    ask_for_name()
    show_whether_read_only()
    show_person(page.url_path)
    take_locks(with_lesson=ADDRESS in st.query_params or active_lesson() is not None)
    follow_guide()
    show_activity(on_train=page.title == "Train")
    show_outcome()
    ask_whether_to_begin()
    show_guide(page.title.lower())
    page.run()


let_callbacks_finish()
st.set_page_config(page_icon=str(ICON), layout="wide", initial_sidebar_state=SIDEBAR)
st.logo(str(ICON), size="large")  # its name follows it in page.css, in the colour of the theme
pages = [*PAGES, CLASS] if is_class() else PAGES
page = st.navigation(pages, position="hidden" if is_nobody() else "sidebar")
use_resolver(who_acts)
note_page(page.title)
with suppress(StopException):  # else Streamlit keeps parts of the page before, that repeat themselves and find no place
    draw(page)
first_page.set()
