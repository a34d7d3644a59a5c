"""The rules, a module for each area. `contract.py` puts them together."""
