"""Everything that talks to the API server: client, login, Lease, Events, status, and the Secrets that instances name (``references``).

Both the operator and the command line use it.
"""
