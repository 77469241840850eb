"""Ordering: the catalogue, an order, how to pay it, its papers."""
