"""Features of several networks joined, and heads fitted to them."""
