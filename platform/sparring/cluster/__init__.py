"""The only room that imports ray: slots, the referee's actor, and the search that ties them together."""
