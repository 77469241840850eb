"""One's own account: where one is signed in, the password, signing out."""
