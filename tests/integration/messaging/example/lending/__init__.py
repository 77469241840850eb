"""A tiny service for the tests of messaging: a library that lends books."""
