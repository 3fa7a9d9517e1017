"""Arithmetic on samples with numpy: G.711, resampling, levels, WAV files. Pure, and importable by all above it."""
