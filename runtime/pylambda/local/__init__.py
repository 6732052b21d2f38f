"""The laptop side, which nothing in the runtime imports: the emulator, and sending events to a function."""
