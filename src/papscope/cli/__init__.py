"""The command line: one file for each command; it translates and never computes."""
