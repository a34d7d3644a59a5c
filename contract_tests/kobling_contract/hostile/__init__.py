"""Hostile answers without a network: recorded answers replayed with changes, thousands a second."""
