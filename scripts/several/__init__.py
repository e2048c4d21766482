"""Several servers behind a balancer."""
