"""What the page Tune is made of."""
