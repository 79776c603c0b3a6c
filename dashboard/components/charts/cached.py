"""Charts that are put into Vega-Lite once for all browser sessions: Altair needs 30 ms for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import altair as alt


@dataclass(frozen=True, eq=False)
class Same:
    """Anything as a key of a cache; equal where it is the very same object."""

    value: object

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value


def quick(chart: alt.TopLevelMixin) -> KeptChart:
    """The chart as `st.altair_chart` takes it, kept as Vega-Lite; worth it for a chart that is itself kept."""
    return _kept(Same(chart))


class KeptChart:
    """What `st.altair_chart` asks of a chart: its Vega-Lite, which brings its tables as Streamlit had them made."""

    def __init__(self, chart: alt.TopLevelMixin) -> None:
        self._chart = chart
        self._spec, self._tables = "", {}

    def to_dict(self) -> dict:
        """The chart's Vega-Lite as a dict of its own; Streamlit calls it within a lock and adds to it."""
        if not self._spec:
            self._spec = json.dumps(self._chart.to_dict())
            self._tables = dict(alt.data_transformers.options.get("datasets", {}))  # Streamlit's transformer's
        spec = json.loads(self._spec)
        return {**spec, "datasets": {**spec.get("datasets", {}), **self._tables}}


@lru_cache(maxsize=64)
def _kept(chart: Same) -> KeptChart:
    return KeptChart(chart.value)
