"""A strategy that runs in the service: the same object as in a backtest and on paper, by the clock.

    bars.py       its bars: a history, which grows by one at each close
    trading.py    its side of a live book: what it asks for from its own thread, and what it is told
    worker.py     the thread
    runner.py     from bar to bar: when it is asked, what is late, what is over

The modules import `orderwright.backtest`, so they are imported only where a strategy is configured (strategies.py).
"""
