"""The laptop side: the emulator, and sending events to a function. Nothing in the runtime imports it."""
