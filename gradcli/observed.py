"""What the code under test gave at one point."""

from collections.abc import Mapping

import numpy as np

from gradcli.arrays import Array, coarsest
from gradcli.dataclass import dataclass
from gradcli.subject import Subject


@dataclass(frozen=True, eq=False)
class Observed:
    """The numbers that a check is about.

    Attributes: `subject`, the code at its point; `outputs` of forward; `cotangents`, one for each, of its
    shape; `gradients` by input, as backward returned them: those that can be compared, of the others it is
    said already what they lack.
    """

    subject: Subject
    outputs: tuple[Array, ...]
    cotangents: tuple[Array, ...]
    gradients: Mapping[str, Array]

    @property
    def unit(self) -> float:
        """The unit of the lowest precision there is among them, no finer than that of float32."""
        return max(float(np.finfo(np.float32).eps), coarsest((*self.outputs, *self.gradients.values())))
