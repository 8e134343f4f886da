"""The fuzzer: what it draws, what it finds of planted bugs, what it keeps."""
