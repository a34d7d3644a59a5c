"""What a session does, as flows: written once, run by the sync and the async session alike."""
