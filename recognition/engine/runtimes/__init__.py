"""What runs a network: LiteRT on the CPU, Keras on a GPU, both behind the same pool."""
