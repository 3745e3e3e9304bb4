"""The pure core: no I/O, clock, randomness, logging or asyncio. Time and ids come in with the input."""
