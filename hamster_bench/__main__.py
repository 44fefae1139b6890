"""``python -m hamster_bench`` is ``hamster-bench``."""

import sys

from hamster_bench.cli.main import main

sys.exit(main())
