"""The whole stack on one machine, without root: broker, database, processes."""
