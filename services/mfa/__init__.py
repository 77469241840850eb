"""The second factor: approval by a push to the person's phone."""
