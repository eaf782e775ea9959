"""Quarantine: untrusted bytes are decoded in a process of its own, which can be killed.

Import from its modules: the child loads this package as well, and must stay small. `keeper` is
the worker's side, `child` the other; `frames` is what they say to each other.
"""
