"""What scripts/bench is made of: servers, clients, rounds, targets, a report."""
