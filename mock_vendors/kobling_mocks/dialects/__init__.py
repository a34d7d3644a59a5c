"""One module per vendor's dialect."""
