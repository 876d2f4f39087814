"""What every test relies on."""

import os
import time

from hypothesis import settings

# No test is judged by a clock: on a busy machine a drawn example may take long.
settings.register_profile("attribution", deadline=None)
settings.load_profile("attribution")

# Spark Connect hands timestamps over in the zone of this process, without saying so.
os.environ["TZ"] = "UTC"
time.tzset()
