"""Nonlocal models of materials, learned from simulation.

The package does the work of the book of the same name. Each subpackage holds one science under
the names of its field; ``nlbook.parallel`` runs many tasks here or on a cluster, and
``nlbook.publishing`` turns the chapters into a checked site.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
