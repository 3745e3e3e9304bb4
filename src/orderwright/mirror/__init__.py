"""Columnar copies of a log for analytics: DuckDB file or Parquet folder, appended to by (book, sequence)."""
