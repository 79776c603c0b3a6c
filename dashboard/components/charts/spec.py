"""Parts of Vega-Lite specs.

A chart is a function that returns a spec as a dict, for `st.vega_lite_chart`. Its tables are Arrow under "datasets",
as Streamlit sends them: by way of pandas they take ten times as long. A layer names the table that it draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

NUMBERS = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""], "percent": "\u00a0%"}
PERCENT = {"locale": {"number": NUMBERS}}  # the config of charts that show percent: "97.69 %", as everywhere else


def table(columns: Mapping[str, Sequence | np.ndarray], where: np.ndarray | None = None) -> pa.Table:
    """A table of columns of one length; of the rows that are true in `where`, bool (n,), if it is given."""
    found = pa.table(dict(columns))
    return found if where is None else found.filter(where)


def number(field: str, title: str | None = None, **options: object) -> dict:
    """A channel that shows a column of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **options}


def category(field: str, title: str | None = None, **options: object) -> dict:
    """A channel that shows a column of names."""
    return {"field": field, "type": "nominal", "title": title, **options}
