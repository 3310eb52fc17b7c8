"""What ties a function together: settings, clock, wiring, observability. Nothing here runs at import."""
