"""Why somebody spoke over a reply, as far as their words tell."""
