"""The command in a process of its own, as a shell starts it."""

import os
import subprocess
import sys
from pathlib import Path

MAIN = "from dagster_code.cli import main; main()"
# What takes longer to import than a short answer may take.
HEAVY = ("pyspark", "dagster", "dbt", "pandas", "pyarrow")
# Says at its end on standard error what heavy it has imported.
MAIN_TELLING_IMPORTS = (
    "import sys; from dagster_code.cli import main\ntry: main()\n"
    f"finally: sys.stderr.write(str([m for m in {HEAVY} if m in sys.modules]))"
)


def attribution(
    home: Path, *arguments: str, script: str = MAIN, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a home, with these variables besides the environment's."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"ATTRIBUTION_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
