"""The simulated exchange: a venue like any other, behind the `Connector` port. docs/simulation.md tells all it assumes.

    send ─► latency ─► gateway ─► desk ◄─ market: candles, quotes or trades of one symbol
                       filters    ledger   matching, search

- exchange.py: SimulatedExchange; time, and what happens next
- gateway.py, filters.py: what becomes of a request, and what an exchange refuses
- desk.py, ledger.py, order.py: the orders it has, the money they move
- matching.py: how an order meets a price
- candle_market.py, row_market.py, search.py: the price's way through candles, quotes and trades
- restoring.py: what it is rebuilt from after a restart
- session.py: a driver and a venue together in virtual time
- faults.py: what goes wrong between us and it: refused, lost, late, repeated
- models/: fees, spread, slippage, volume, latency, path

It does no I/O and has no clock: market arrays and requests in, reports out, on virtual time in microseconds.
"""
