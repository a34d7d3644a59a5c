"""The texts that people read, one file per language."""
