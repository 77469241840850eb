"""Tools for the people who run an installation: they look across all services, which no service may."""
