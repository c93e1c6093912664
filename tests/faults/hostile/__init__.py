"""Hostile inputs as data, one file a surface, and what must come back. `attack.py` sends them."""
