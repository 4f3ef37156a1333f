"""The era-conditional meta-learner: weights that depend on what can be seen of an era.

Statistics of the era go into a small network, which moves the static weights.
"""
