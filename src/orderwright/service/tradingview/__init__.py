"""TradingView alerts over HTTP: read, allowed, written down, and only then turned into signals.

words.py      what people call each field and each action
body.py       JSON or KEY=VALUE lines into fields; secrets out, before anything is kept
reading.py    fields into what the alert wants
guard.py      who may send: signature, token of the path, secret in the body, address
tokens.py     tokens: made once, kept hashed
strategies.py what a token or a strategy's name stands for: user, book, accounts, sizing
signals.py    what an alert wants, as signals of those accounts
intake.py     the way of one alert, from bytes to an answer
listing.py    stored alerts, and playing one again by hand
routes.py     the routes
templates.py  messages to paste into TradingView
"""
