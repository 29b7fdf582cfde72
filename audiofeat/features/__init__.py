"""One module per feature group: an accumulator with ``push(frames)`` for each block and ``result`` at the end.

No group does I/O or sees the whole PCM, and none imports another; what several need is in ``frames``.
"""
