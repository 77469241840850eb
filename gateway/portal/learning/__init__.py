"""Learning: own trainings with their modules and tests, the public library, the organisation's results."""
