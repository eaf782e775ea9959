"""Pictures: judged, cleaned, cut, drawn and encoded; nothing else in the house knows Pillow.

Import from its modules: the quarantine's child loads this package for the few of them that
decode, and must stay small.
"""
