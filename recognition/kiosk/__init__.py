"""The tablet's pages: an app that lives in the browser, and what it asks. Views call one service each."""
