"""Licences: what the organisation holds, and handing it out to people."""
