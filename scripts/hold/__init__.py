"""What scripts/soak is made of: a house for the server, clients of every kind, and the scenarios."""
