"""Whether callers can be served with the model that is configured: what ``bargein doctor`` finds out."""
