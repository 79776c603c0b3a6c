"""Parts of Vega-Lite specs.

A chart is a function that returns a spec as a dict, for `st.vega_lite_chart`. Its tables are under "datasets", where
Streamlit takes data frames and sends them as Arrow; a layer names the one that it draws.
"""

from __future__ import annotations


def number(field: str, title: str | None = None, **options: object) -> dict:
    """A channel that shows a column of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **options}


def category(field: str, title: str | None = None, **options: object) -> dict:
    """A channel that shows a column of names."""
    return {"field": field, "type": "nominal", "title": title, **options}
