"""Decisions and nothing else: precedence, desired state, plan, guard, conditions.

Belongs here: pure functions from data to data. Does not belong here: I/O, the clock (``now`` is passed in), randomness, Kopf, HTTP.
"""
