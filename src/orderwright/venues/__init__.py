"""Venues: one connector per file, and the policy around them."""
