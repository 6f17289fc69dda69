"""Speed and memory of the main path, beside a naive way in the same run: ``python -m bench``."""
