"""The simulated exchange: a venue like any other, with its models and its faults."""
