"""What code needs and this machine has not: no fault of the code, and nothing can be said about it."""

import re

from gradcli.errors import said_by

_NO_DEVICE = re.compile(
    r"not compiled with CUDA|No CUDA GPUs|NVIDIA driver|type torch\.cuda\.\w+ not available|"
    r"active drivers|Unknown backend:? '?(cuda|gpu|rocm|tpu)|cudaErrorNoDevice|"
    r"cudaErrorInsufficientDriver",
)


def lacking(error: BaseException) -> str | None:
    """What an exception says is not here, in words; None for one that tells of something else."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"needs {error.name!r}, which is not installed"
    if _NO_DEVICE.search(said_by(error)):
        return "needs a GPU, and there is none that it can use: it can be checked where there is one"
    return None
