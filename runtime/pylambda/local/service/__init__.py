"""The platform in one process: HTTP in front, a queue, and workers that are the real runtime."""
