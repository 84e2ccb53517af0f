"""Formulas of the sets that come from physics: scattering, descriptors of structures, kinematics of muons."""
