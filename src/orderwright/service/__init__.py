"""The service: REST, WebSocket and webhooks over a desk (orderwright.live)."""
