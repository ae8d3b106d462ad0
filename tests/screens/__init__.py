"""`make screenshots`: a picture of every page in docs/screens/, of a demonstration hospital that is
loaded for it, and an index of them all."""
