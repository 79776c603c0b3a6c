"""What the page Inside is made of."""
