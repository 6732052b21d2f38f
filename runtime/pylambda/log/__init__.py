"""What a function says, and where it goes: `sinks` writes, `records` turns `logging` records into text or JSON."""
