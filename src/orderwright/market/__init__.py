"""Candles, quotes and books, from files and feeds.

- files.py: load_candles, load_trades, write_candles_csv (CSV, feather, Parquet, JSON)
- candles.py: Candles
- feeds.py: Quotes, Trades
- building.py: candles_from_trades, resample
- instruments.py: load_instruments, default_instrument
- symbols.py: parse_symbol
- random_market.py: random_candles, a seeded market that is made up

The checks at the door: grid.py (floats to ticks and steps), times.py (any time to microseconds), tables.py (any file
to columns).
"""
