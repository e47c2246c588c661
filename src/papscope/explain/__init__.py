"""Why a model answers as it does: maps, and whether they may be believed."""
