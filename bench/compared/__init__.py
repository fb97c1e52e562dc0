"""The three ways that are compared, what happens to their controllers, and how it is measured; `bench/comparison.py` puts it in order.

truth: what really holds in a Jenkins. ways, scripts: what each tool does by itself, and what it says. drifts: what people and accidents do.
measure: from an event until all is well. page, picture: what was found. Nothing in here knows a result beforehand.
"""
