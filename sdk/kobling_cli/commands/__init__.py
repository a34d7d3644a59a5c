"""One module per group of commands. Each command's docstring is its help and says what its JSON document holds."""
