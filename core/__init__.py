"""The laboratory: data, models, runs and what the numbers say. Nothing in here knows of Streamlit."""
