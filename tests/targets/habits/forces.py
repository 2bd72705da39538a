"""Energies with their forces, which are the negative gradient."""

import numpy as np


def springs(positions, stiffness=1.5):
    """Each bead is tied to the next.

    positions (np.ndarray): Nx3 array.
    """
    energy, forces = 0.0, np.zeros_like(positions)
    for i in range(len(positions) - 1):
        bond = positions[i + 1] - positions[i]
        energy += 0.5 * stiffness * np.dot(bond, bond)
        forces[i] += stiffness * bond
        forces[i + 1] -= stiffness * bond
    return energy, forces


def yukawa(coords, charges, kappa=0.5):
    force = np.zeros_like(coords)
    potential = 0.0
    for i in range(len(coords)):
        for j in range(i):
            d = coords[i] - coords[j]
            r = np.sqrt(d @ d)
            v = charges[i] * charges[j] * np.exp(-kappa * r) / r
            potential += v
            pull = v * (kappa + 1 / r) * d  # not of length 1
            force[i] += pull
            force[j] -= pull
    return force, potential


def _well_nll(x):
    nll = np.sum(x**4 - x**2)
    grad = 4 * x**3 - 2 * x
    return nll, grad
