"""`make bench`: the speed of the engine and of the suite, and of the losses beside torch's."""
