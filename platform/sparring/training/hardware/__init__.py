"""What depends on the processor: precision, compiled phases, matrix products, freed memory."""
