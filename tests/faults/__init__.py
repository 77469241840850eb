"""Faults put into the whole running product, and what of its work survives them."""
