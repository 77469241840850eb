"""The whole installation under steady load for half an hour: what it holds on to must not grow."""
