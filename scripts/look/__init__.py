"""Looks at the pages of docroot in a browser."""
