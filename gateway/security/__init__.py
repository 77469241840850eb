"""Who may come in, by which door, and what the browser is told to refuse."""
