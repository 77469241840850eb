"""The published language of the services: data only, one file per owner."""
