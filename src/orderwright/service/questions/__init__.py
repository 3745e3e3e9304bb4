"""What is asked of the log and of the books as they stand: every question sees the caller's books alone."""
