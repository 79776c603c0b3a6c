"""The link from a page to the lesson that answers what one asks there."""

import streamlit as st


def lesson_link(name: str, label: str) -> None:
    """Show a link that opens a lesson beside the pages.

    Args:
        name: the lesson's, as its file is called without number and ending.
        label: the question that it answers.
    """
    st.page_link("app_pages/learn.py", label=label, icon=":material/school:", query_params={"lesson": name})
