"""Ways to weigh the members of an ensemble, a module each, and their registry."""
