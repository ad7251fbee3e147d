"""Standard input and output: read once, written as it comes."""
