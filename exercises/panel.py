"""What an exercise and a lesson's progress show in a notebook: they follow what happens.

They look again when the Engine tells of an event and when a cell has ended. Nothing polls.
"""

import html
from pathlib import Path
from urllib.parse import quote

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display

from exercises import room
from exercises.snapshot import Snapshot
from exercises.text import task_to_html, to_html
from helpers._internal import datatables, errors, events

NO_ENGINE = "No Docker Engine answers. `python3 -m classroom lab` starts it."
_STYLE = f"<style>{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>"
_shown = {}  # what is shown: an exercise or a lesson's progress, with the widget that follows it


def show(exercise):
    """Show an exercise's panel; shown again, it is the same one."""
    page = f"<h4>{to_html(exercise.title)}</h4>{task_to_html(exercise.task)}"
    if exercise in _shown:
        _shown[exercise].write_task()  # your registry may have another port by now
    _show(exercise, Panel, repr(exercise), page)


def show_progress(progress):
    """Show how many of a lesson's exercises are done, as a line that follows."""
    key = tuple(progress.exercises)
    titles = " · ".join(map(_link, key))
    _show(key, ProgressLine, "\n".join(one.title for one in key), f"<p>Exercises: {titles}</p>")


def _show(key, kind, text, page):
    """Show a widget, and a picture of it for who opens the notebook without its kernel."""
    datatables.show_picture(page, text)
    if not hasattr(shell := get_ipython(), "kernel"):
        return
    if not _shown:
        events.subscribe(_follow)
        shell.events.register("post_run_cell", lambda result: events.refresh())
    if key not in _shown:
        _shown[key] = kind(key)
        events.refresh()
    display(datatables.widget_data(_shown[key]), raw=True)


def reports(exercises, snapshot):
    """Yield each exercise with its `Report`, or with a sentence where there is none (no Engine)."""
    for exercise in exercises:
        if snapshot and exercise.ready > snapshot.begun:
            continue
        try:
            yield exercise, exercise.report(snapshot) if snapshot else NO_ENGINE
        except errors.EngineUnavailable:
            raise
        except errors.LessonError as err:
            yield exercise, str(err)


def _follow(moment, batch):
    """Have all that is shown follow: a listener of the Engine's events."""
    every = dict.fromkeys(one for key in list(_shown)
                          for one in (key if isinstance(key, tuple) else [key]))  # fmt: skip
    for exercise, report in reports(every, moment and Snapshot(moment)):
        if exercise in _shown:
            _shown[exercise].follow(report)
    for key, widget in list(_shown.items()):
        if isinstance(key, tuple):
            widget.follow()
    if any(event.get("Action") == "start" for event in batch):
        events.refresh(after=0.4)  # nothing tells when a server begins to answer


def _link(exercise):
    """Return a link to the heading of an exercise."""
    anchor = quote(f"Exercise: {exercise.title}".replace(" ", "-"), safe=":")
    return f'<a href="#{anchor}" target="_self">{to_html(exercise.title)}</a>'


class ProgressLine(widgets.VBox):
    """How many of some exercises are done; each title leads to its heading."""

    def __init__(self, exercises):
        self._exercises, self._line = exercises, widgets.HTML()
        self._room = room.reporter(exercises)
        super().__init__([self._line, self._room] if self._room else [self._line])
        self.add_class("lesson-panel")
        self.follow()

    def follow(self):
        """Show which are done."""
        done = [exercise.was_done for exercise in self._exercises]
        marks = [f'<b class="done" title="done">✓</b> {_link(exercise)}' if exercise.was_done
                 else _link(exercise) for exercise in self._exercises]  # fmt: skip
        self._line.value = (
            f'{_STYLE}<p><strong role="status">{sum(done)} of {len(done)} exercises are done'
            f"</strong>: {' · '.join(marks)}</p>"
        )
        if self._room:
            self._room.tell()


class Panel(widgets.VBox):
    """An exercise's task, its conditions with their marks, and buttons."""

    def __init__(self, exercise):
        self._exercise, self._results, self._answer = exercise, (), exercise.answer
        self._hints, self._count = [], 0
        self._marks, self._help = widgets.HTML(), widgets.HTML()
        self._task = widgets.HTML()
        self._boxes = [
            widgets.Text(
                description=label, continuous_update=False, style={"description_width": ""}
            )
            for label in exercise.questions
        ]
        for box in self._boxes:
            box.observe(self._take, "value")
        actions = {"Hint": self._hint, "Solution": self._solution}
        if exercise.can_restart:
            actions["Start over"] = self._start_over
        buttons = [widgets.Button(description=label) for label in actions]
        for button, act in zip(buttons, actions.values(), strict=True):
            button.on_click(act)
        rows = [widgets.Box(row).add_class("lesson-row") for row in (self._boxes, buttons) if row]
        super().__init__([self._task, *rows[:-1], self._marks, rows[-1], self._help])
        self.add_class("lesson-panel").add_class("lesson-exercise")
        self.write_task()

    def write_task(self):
        """Write title and task, with what is yours filled in."""
        title, task = self._exercise.title, self._exercise.task
        self._task.value = f"{_STYLE}<h4>{to_html(title)}</h4>{task_to_html(task)}"

    def follow(self, report):
        """Show a `Report`, or a sentence in place of the state while there is none."""
        if isinstance(report, str):
            return self._write_marks(report)
        if self._exercise.answer != self._answer:  # `check(…)` or `start_over()` was typed
            self._answer = self._exercise.answer
            for box, value in zip(self._boxes, self._answer or [""] * 9, strict=False):
                box.value = value
        self._results = report.results
        if (hints := self._exercise.hints(report)) != self._hints:
            self._hints, self._help.value = hints, "" if self._count else self._help.value
            self._count = 0
        self._write_marks(f"{report.state[0].upper()}{report.state[1:]}.")

    def _write_marks(self, state):
        rows = [
            f"<li>{'<b>✓</b>' if one.holds else '<i>not yet</i>'}<span>{to_html(one.goal)}</span>"
            + (f"<small>{to_html(one.found)}</small>" if one.found else "") + "</li>"
            for one in self._results
        ]  # fmt: skip
        done = ' class="done"' if state == "Done." else ""
        self._marks.value = (
            f'<p role="status"{done}>{to_html(state)}</p><ul class="marks">{"".join(rows)}</ul>'
        )

    def _take(self, change):
        self._answer = self._exercise.answer = tuple(box.value.strip() for box in self._boxes)
        events.refresh()

    def _hint(self, button):
        self._count += 1
        hints = [f"<li>{to_html(hint)}</li>" for hint in self._hints[: self._count]]
        self._help.value = f"<ul>{''.join(hints)}</ul>" if hints else "Nothing is left to do here."

    def _solution(self, button):
        self._count = 0
        self._help.value = self._run(lambda: self._exercise.solution()._repr_html_())

    def _start_over(self, button):
        button.disabled, self._count, self._help.value = True, 0, "It is made anew …"
        self._help.value = self._run(
            lambda: self._exercise.start_over() and "It is as at the start."
        )
        self.write_task()
        button.disabled = False
        events.refresh()

    def _run(self, act):
        """Return the HTML that an action gives, or the sentence of its error."""
        try:
            return act()
        except errors.LessonError as err:
            return html.escape(str(err))
