"""Certificates: looking at one, downloading it, checking it, revoking it."""
