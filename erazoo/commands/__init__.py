"""The verbs of the command line, one short module each, in the frame of `frame.py`.

A verb reads its options, calls one function of the rooms and shows what came back.
"""
