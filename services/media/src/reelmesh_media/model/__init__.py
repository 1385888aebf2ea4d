"""The words and decisions of media work: what a file is, what may be copied, which rungs, cuts and stills to make."""
