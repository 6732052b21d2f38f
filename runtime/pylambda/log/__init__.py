"""What a function says, what is said of its failures, and where both go."""
