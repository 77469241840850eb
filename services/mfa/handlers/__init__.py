"""What events and time make this service do."""
