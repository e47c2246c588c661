"""papscope reads Pap-smear images and says how well, on research terms."""

__version__ = "0.1.0"
