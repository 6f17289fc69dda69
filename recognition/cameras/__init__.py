"""Staff look on: the pages of cameras. Views call one service each."""
