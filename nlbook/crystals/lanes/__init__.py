"""Grains side by side: the compiled loops of one implicit step of a batch of crystals."""

__all__: list[str] = []
