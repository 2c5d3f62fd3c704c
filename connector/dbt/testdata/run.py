"""Runs commands of dbt on the project of the current folder in one process, since imports take most of the time.

The results of each are kept as people do who want to have them all: dbt itself keeps those of the last command only.
"""
import os
import shutil
import sys

from dbt.cli.main import dbtRunner

runner = dbtRunner()
for command in sys.argv[1:]:
    result = runner.invoke([*command.split(), "--quiet"])
    if result.exception:  # a test that fails is none
        sys.exit(f"dbt {command}: {result.exception}")
    if os.path.exists("target/run_results.json"):
        shutil.copy("target/run_results.json", f"target/run_results_{command.replace(' ', '_')}.json")
