"""The SQL behind `analytics.portfolio.views`: one file for each group of questions."""
