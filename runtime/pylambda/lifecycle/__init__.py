"""What a function's environment goes through besides its invocations: hooks at each moment of it, and how it ends."""
