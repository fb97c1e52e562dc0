"""The command line: the same core as the operator, without a cluster.

* ``main`` names the commands, and imports each only when it is called. A command has a module or a folder of its name; ``verify`` is in
  ``evidence``, and ``kubectl twofactor`` in ``kubectl``.
* Commands share ``options`` (one controller), ``controllers`` (many), ``cluster``, and ``errors`` (exit codes).
* ``manifests`` and ``yaml_reading`` read files; ``yaml_writing`` writes them.

Belongs here: reading arguments and files, and printing.
Does not belong here: decisions (``core``), requests (``jenkins``), rules about objects (``api``).
"""
