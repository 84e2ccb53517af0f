"""Ray's own processes under a search: how they start and die, what they may not ask a proxy for, what they leave."""
