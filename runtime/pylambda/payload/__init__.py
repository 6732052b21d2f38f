"""What an event and a result are made of: JSON both ways, values, typed events, and what may be streamed."""
