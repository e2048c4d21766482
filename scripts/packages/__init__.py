"""Builds and tries the packages of docroot."""
