"""Everything that talks to the API server. Both the operator and the command line use it."""
