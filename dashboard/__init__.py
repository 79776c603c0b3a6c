"""The Streamlit app. It reads runs and never trains: this process does not import TensorFlow."""
