"""What no case file has: calls drawn over all that the specifications span, where the rarest facts meet."""
