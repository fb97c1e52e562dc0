"""Checks before a change: who would be locked out, and what must not be changed. Each check is a pure function."""
