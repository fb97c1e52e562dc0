"""The operator: Kopf's watches, the work queue, and the reconciles of instances, policies and break-glasses.

Belongs here: when a reconcile runs, what it reads and writes, leader election, what status and Events say. Does not belong here: decisions
(``core``), requests to a Jenkins (``jenkins``) or to the API server (``kube``).
"""
