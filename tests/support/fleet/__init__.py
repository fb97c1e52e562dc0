"""Fleets of thousands of Jenkinses for measurements: a fast fake in pure Python, and a process that serves many of them.

* ``jenkins``  one Jenkins with the plugin (free edition), as data: what it answers to the operator's scripts, looks and probes
* ``server``   many of them in one process, each on its port; some dead, some slow
* ``client``   starts that process, and asks it what it has seen

It runs none of our Groovy: whether it answers as the stand-in does, which runs all of it, is shown by ``tests/jenkins/test_fleet_fake.py``.
"""
