"""The service over HTTP, one module for each kind of thing.

Takes   requests whose sender is known
Gives   JSON, pictures and documents
Never   decides anything that the rooms below decide: it translates, as the command line does
"""
