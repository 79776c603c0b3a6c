"""Charts kept as Vega-Lite arrive in the browser as Altair's own do, the first time and ever after."""

import json

from streamlit.testing.v1 import AppTest


def script() -> None:
    import altair as alt
    import pandas as pd
    import streamlit as st

    from dashboard.components.charts.cached import quick

    if "chart" not in st.session_state:
        table = pd.DataFrame({"x": [1, 2, 3], "y": [0.5, 0.25, 0.125]})
        st.session_state["chart"] = alt.layer(
            alt.Chart(table).mark_line().encode(x="x", y="y"), alt.Chart(table[:1]).mark_point().encode(x="x", y="y")
        )
    st.altair_chart(st.session_state["chart"], key="plain")
    st.altair_chart(quick(st.session_state["chart"]), key="kept")


def charts(at: AppTest) -> list[tuple]:
    found = [node.proto for node in at.get("vega_lite_chart")]
    return [
        (json.loads(chart.spec), {dataset.name: dataset.data.data for dataset in chart.datasets}) for chart in found
    ]


def test_a_kept_chart_is_sent_as_the_chart_itself_also_the_second_time():
    at = AppTest.from_function(script)
    for _ in range(2):
        at.run()
        assert not at.exception
        plain, kept = charts(at)
        assert plain == kept
        assert len(plain[1]) == 2
