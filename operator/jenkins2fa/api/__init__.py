"""The custom resources and their status, as data.

Belongs here: dataclasses for policies, instances and break-glasses, reading them from Kubernetes objects or YAML (``parse``),
and the rules that one object alone can be checked by (``rules``). Does not belong here: anything that needs a Jenkins or a cluster.
"""
