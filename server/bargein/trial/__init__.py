"""Voice agents tried by a caller with a script: what ``bargein test`` does."""
