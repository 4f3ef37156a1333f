"""The Keras trainer: one fit of one network on one fold, and what watches its epochs.

Everything here imports keras and TensorFlow; import it only where a network is trained.
"""
