"""The command line: the same core as the operator, without a cluster.

Belongs here: reading arguments and files, and printing. ``main`` names the commands and imports each only when it is called.
Does not belong here: decisions (``core``), requests (``jenkins``), rules about objects (``api``).
"""
