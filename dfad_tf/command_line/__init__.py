"""The command line: flags, recipes, checks, and what turns flags into objects."""
