"""The portal and the HTTP API: pages, forms and JSON in front of the services; no database and no rules."""
