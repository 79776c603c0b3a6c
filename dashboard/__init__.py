"""What people see: the Streamlit app. It looks at runs and never trains; TensorFlow is not in this process."""
