"""What trains: the loop, its parts and its worker. TensorFlow is here, and where networks are built."""
