"""The report of a case, to be printed and kept: what a model said, and what people said.

Takes   a case, and who asks
Gives   one content, as JSON, as a page that holds all it needs, and as PDF
Never   says anything of a slide or a patient, or shows a verdict that the asker may not see
"""
