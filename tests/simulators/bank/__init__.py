"""Stands for the operator's bank: transfers go in, statements come out. For tests and first looks only."""
