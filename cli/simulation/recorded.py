"""The recording of a run as a file: JSON, or a page that plays it."""

from __future__ import annotations

from cli.files import write_files
from cli.output import note
from cli.simulation.choices import Choices, reproduce
from simulator.plan import Plan
from simulator.recording import Recorder
from simulator.run import RunOutcome
from simulator.trace import Trace
from web.recording_page import page


def tracer(choices: Choices, plan: Plan) -> Trace | None:
    """Return what writes down a run, if a file was asked for; a recorder is a trace, too."""
    if choices.html is not None or choices.recording is not None:
        return Recorder(plan)
    if choices.trace is not None or choices.diagram is not None:
        return Trace()
    return None


def write_recorded(choices: Choices, plan: Plan, recorder: Recorder, outcome: RunOutcome) -> None:
    """Write the recording of a run to the files that were asked for."""
    command = reproduce(choices, None if choices.is_exact else plan.seed)
    recording = recorder.encoded(outcome, command)
    files = {}
    if choices.recording is not None:
        files[choices.recording] = recording
    if choices.html is not None:
        files[choices.html] = page(recording)
    write_files(files)
    for path, content in files.items():
        note(f"a recording written to {path} ({len(content) / 1e6:,.1f} MB)")
