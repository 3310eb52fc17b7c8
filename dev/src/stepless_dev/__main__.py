"""`python -m stepless_dev`."""

import sys

from stepless_dev.cli import main

sys.exit(main())
