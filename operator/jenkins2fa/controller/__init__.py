"""The operator: Kopf's watches, the work queue, and the reconciles of instances, policies and break-glasses.

Belongs here: when a reconcile runs, what it reads and writes, and what status, Events, metrics and logs report. Does not belong here:
decisions (``core``), requests to Jenkins (``jenkins``) or to the API server (``kube``).
"""
