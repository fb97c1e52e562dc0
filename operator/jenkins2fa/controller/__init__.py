"""Everything that talks to Kubernetes: the work queue, the reconciles, Kopf's mapping of events, the few calls to the API server.

Belongs here: when a reconcile runs, what it reads from and writes to Kubernetes, leader election, Events. Does not belong here: decisions
(``core``), requests to a Jenkins (``jenkins``).
"""
