"""How the people, groups and marks of the sandbox are drawn."""
