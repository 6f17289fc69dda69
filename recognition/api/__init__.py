"""The REST API for kiosks. Views read a request, call one service and serialise what it says."""
