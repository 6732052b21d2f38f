"""Several invocations at once in one environment: processes, threads, or tasks, and who looks after them."""
