"""Evidence of probes on the command line: keeping it, and ``jenkins2fa verify``."""
