"""People: new employees pasted from a spreadsheet, and those who are there."""
