"""System checks of the recognition app."""
