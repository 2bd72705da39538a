"""Python runs this first in the processes that tests start, which find it on their path.

Budgets are of processor time there too: what else the machine does must not decide what a check looks at.
"""

import time

time.perf_counter = time.process_time
