"""The suite as a pytest plugin: inert until `--vendor` is given."""
