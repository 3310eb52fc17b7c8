"""Use cases of the authority, and the ports that they need."""
