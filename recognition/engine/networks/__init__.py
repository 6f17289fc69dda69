"""The networks in Keras 3: to load original weights, to train and to export. Serving reads only LiteRT files."""
