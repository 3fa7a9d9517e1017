"""What callers speak: each a :class:`~bargein.session.caller_protocol.CallerProtocol`, bytes in, bytes out."""
