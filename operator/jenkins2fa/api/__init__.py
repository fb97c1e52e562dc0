"""The two kinds and their status, as data.

Belongs here: dataclasses for ``TwoFactorPolicy`` and ``JenkinsInstance``, reading them from Kubernetes objects or YAML,
and the rules that one object alone can be checked by. Does not belong here: anything that needs a Jenkins or a cluster.
"""
