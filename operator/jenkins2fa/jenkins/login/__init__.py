"""Passing the second factor with the operator's own account, for controllers without a gate."""
