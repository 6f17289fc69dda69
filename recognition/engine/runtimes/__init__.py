"""What runs a network: LiteRT and OpenCV on the CPU, Keras on a GPU, each behind the same pool."""
