"""What an exported network answers to a drawing, and whether it is a digit at all."""
