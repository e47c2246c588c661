"""Everything that the service keeps, in one database.

Takes   what was uploaded, answered and decided
Gives   tables, transactions on them, and the steps from one layout of them to the next
Never   knows HTTP, a network or a picture's pixels
"""
