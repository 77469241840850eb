"""The outside world: the push provider and its callbacks."""
