"""Who may come in: accounts, sign-ins, tokens, and the door that every request passes.

Takes   requests, and what people type to prove who they are
Gives   persons, or a refusal that tells an attacker nothing
Never   keeps a password, a token or a sign-in's word in a form that can be used again
"""
