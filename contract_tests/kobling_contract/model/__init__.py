"""Whole stories instead of single calls: random sequences, callers who meet, and what must be true all along."""
