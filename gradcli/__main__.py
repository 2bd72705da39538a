"""`python -m gradcli`, the same as `gradcli`."""

import sys

from gradcli.cli import main

sys.exit(main())
