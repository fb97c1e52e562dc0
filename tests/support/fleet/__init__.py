"""Fleets of thousands of controllers for measurements: a fast fake in pure Python, and a process that serves many of them.

* ``state``    one controller with the plugin (free edition) as data, and the effect of the operator's scripts on it
* ``jenkins``  its replies to scripts, observations and probes
* ``server``   many of them in one process, each on its own port; some dead, some slow
* ``client``   starts that process, and reads its counters

It runs none of our Groovy. The stand-in runs all of it, and ``tests/jenkins/standin/test_fleet_fake.py`` compares the replies of both.
"""
