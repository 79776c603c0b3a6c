"""A class as its teacher sees it: everybody with their runs, what can be done with them, and the wall."""
