"""Pages, opened as a browser without scripts opens them, in front of services that stand still."""
