"""Training of the embedder and the detector in Keras 3, on any of its backends. Imports no Django."""
