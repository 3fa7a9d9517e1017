"""Everything that is plain HTTP: the page, health, metrics, tokens, and completions without a WebSocket."""
