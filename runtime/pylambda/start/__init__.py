"""What a start is made of: the environment, what is asked of it, the search path, and byte code in one file."""
