"""Orders over REST: create, list, look at, change, in batches."""
