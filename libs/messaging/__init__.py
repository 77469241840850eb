"""How services tell and ask each other: outbox, relay, inbox, consumer, RPC rim, processes.

This package file stays empty on purpose: the RPC process must patch the standard library before anything is imported.
"""
