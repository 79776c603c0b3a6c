"""What the page Predictions is made of."""
