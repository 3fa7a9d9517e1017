"""Voice detectors behind one small Protocol."""
