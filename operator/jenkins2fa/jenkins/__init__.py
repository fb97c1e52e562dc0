"""Everything that talks to Jenkins controllers.

Belongs here: the script transport and its errors, probes, the change protocol, one driver for each Jenkins plugin, and the Groovy scripts
that run inside Jenkins. Does not belong here: Kubernetes, and decisions (those are in ``core``).
"""
