"""Everything that talks to the API server: client, credentials, Leases, Events, and the Secrets that instances refer to.

Both the operator and the command line use it.
"""
