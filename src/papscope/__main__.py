"""Lets `python -m papscope` stand for the `papscope` command."""

from papscope.cli.main import main

main()
