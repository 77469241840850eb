"""Signing in: name and password, then the phone."""
