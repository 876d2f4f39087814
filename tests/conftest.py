"""What every test relies on."""

import os
import time

# Spark Connect hands timestamps over in the zone of this process, without saying so.
os.environ["TZ"] = "UTC"
time.tzset()
