"""Charts: each a function that returns a Vega-Lite spec for `st.vega_lite_chart`."""
