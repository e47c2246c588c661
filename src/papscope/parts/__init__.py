"""How images are dealt to parts: what stays together, and who goes where."""
