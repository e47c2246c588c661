"""The service: a laboratory's own second reader, over HTTP and as a page.

Takes   pictures from people and programs on the network it is told to listen on
Gives   answers, cases to review, reports, and a log that shows whether it was changed
Never   sends a picture anywhere, imports what trains a model, or gives a slide a diagnosis
"""
