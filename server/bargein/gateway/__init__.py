"""The doors of the server: listening, admission, HTTP routes, callers' sockets, metrics and drain."""
