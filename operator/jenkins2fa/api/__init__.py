"""The custom resources and their status, as data.

Belongs here: dataclasses for policies, instances and break-glasses, reading them from Kubernetes objects or YAML (``parse``),
and the rules for one object by itself (``rules``). Does not belong here: anything that needs a Jenkins or a cluster.
"""
