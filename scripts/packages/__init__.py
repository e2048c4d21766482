"""What docroot is shipped as."""
