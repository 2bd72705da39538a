"""Memory that is freed stays with the process: evaluations need it again at once."""

import numpy as np

_LEAST = 1 << 17  # bytes: below it the allocator keeps what is freed anyway
_MOST = 1 << 25  # bytes: what is larger always goes back to the system
_MORE = 1 << 21  # bytes: for small arrays twice as much again, which is little


def keep_freed(nbytes: int) -> None:
    """Let the allocator keep what code frees whose inputs and outputs take so many bytes.

    glibc gives large blocks back to the system as soon as they are free, and each page of the next one is
    a page fault: for arrays of 128 KiB that took a sixth of a check. Once a large block was freed, it keeps
    all that are no larger; where the allocator is another one, nothing changes.
    Cost: two system calls; the block, of two to four times these bytes, is never written to.
    Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    block = 2 * nbytes + min(2 * nbytes, _MORE)
    if block >= _LEAST:
        np.empty(min(block, _MOST), dtype=np.uint8)
