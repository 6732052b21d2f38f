"""The Runtime API: its client, the one connection, HTTP/1.1 as bytes, and a streamed answer on its way out."""
