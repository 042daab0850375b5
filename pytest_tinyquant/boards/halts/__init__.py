"""Why a board stopped."""
