"""`python -m slotkeeper` is the `slotkeeper` command."""

import sys

from slotkeeper.doors.cli.main import main

sys.exit(main())
