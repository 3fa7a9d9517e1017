"""What callers meet first: listening, admission, HTTP routes, callers' sockets, metrics and drain."""
