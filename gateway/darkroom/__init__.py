"""Darkroom: pictures are drawn and encoded in a process of its own, beside the worker's.

Python runs one thread of a process at a time, and drawing holds on to that right for many
milliseconds: in threads of the worker's, each picture would hold up all answers from memory, and
the more so the less of the processor it is given. Import from its modules: the child loads this
package as well. `keeper` is the worker's side, `child` the other.
"""
