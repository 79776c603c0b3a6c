"""How the dashboard is served: for one person or a class, to which network, with which certificate, and for whom it is
read-only."""
