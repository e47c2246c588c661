"""Backups: everything that the service keeps, in one file, and back from it.

Takes   a home and its database, of either kind; or such a file
Gives   a file that is whole or absent; or a home and a database, of either kind
Never   stops the service to take one, or puts in the key that seals the audit log
"""
