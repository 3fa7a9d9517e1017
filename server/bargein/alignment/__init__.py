"""Which words of a reply are where in its sound: the transcript laid along it, without a model of the language.

The core knows this as a :class:`~bargein.core.words.WordAligner`; :class:`~bargein.alignment.aligner.Aligner` is one.
"""
