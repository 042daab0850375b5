"""Everything that a user can set for a run, and all the places where each thing can be set.

Options, ini keys and environment variables are registered, read and documented from this table
alone. A default stands in :class:`~pytest_tinyquant.project.settings.Settings`, once.
"""

from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.session.values import Count
from pytest_tinyquant.session.values import Directories
from pytest_tinyquant.session.values import File
from pytest_tinyquant.session.values import FileOrUrl
from pytest_tinyquant.session.values import Flag
from pytest_tinyquant.session.values import Lines
from pytest_tinyquant.session.values import Names
from pytest_tinyquant.session.values import OneOf
from pytest_tinyquant.session.values import Seconds
from pytest_tinyquant.session.values import Text


DEFAULT_HISTORY: Final = "tinyquant-history.sqlite"


class Setting(NamedTuple):
    """One thing that can be set; an option wins over a variable, that over an ini key.

    :param name: the field of :class:`Settings` that it becomes.
    :param value: the sort of its values.
    :param meaning: a sentence for the user; ``{default}`` in it stands for the default.
    :param option: on the command line; likewise `ini` in ini files, `variable` in the environment.
    :param ini_meaning: what is said of the ini key where that is another sentence.
    :param adds: what several places say counts together.
    :param concerns_us: whoever sets it on the command line means this plugin.
    """

    name: str
    value: Text
    meaning: str
    option: str = ""
    ini: str = ""
    variable: str = ""
    ini_meaning: str = ""
    adds: bool = False
    concerns_us: bool = False

    @property
    def default(self) -> Any:
        """What counts where nobody says anything."""
        return Settings.default(self.name)

    @property
    def text(self) -> str:
        """The sentence for the user."""
        default = self.default
        shown = f"{default:g}" if isinstance(default, float) else default
        return self.meaning.replace("{default}", str(shown))

    @property
    def dest(self) -> str:
        """The option's attribute in pytest's options."""
        return self.option.lstrip("-").replace("-", "_")


SELECTION: Final = (
    Setting(
        name="models",
        value=Names("MODEL[,...]"),
        option="--model",
        ini="tinyquant_models",
        meaning="Run only these models: names, shell globs, or the path of a model's "
        "file; may be given several times.",
        ini_meaning="Models to run by default: names or globs",
        concerns_us=True,
    ),
    Setting(
        name="schemes",
        value=Names("SCHEME[,...]"),
        option="--scheme",
        ini="tinyquant_schemes",
        meaning="Run only these quantization schemes; may be given several times.",
        ini_meaning="Schemes to run by default",
        concerns_us=True,
    ),
    Setting(
        name="boards",
        value=Names("BOARD[,...]"),
        option="--board",
        ini="tinyquant_boards",
        meaning="Run only these boards; may be given several times.",
        ini_meaning="Boards to run by default",
        concerns_us=True,
    ),
    Setting(
        name="target",
        value=OneOf("auto", "emulator", "hardware"),
        option="--tq-target",
        meaning="Where boards run: {default} (default) takes a board that is attached, else its "
        "emulator.",
    ),
    Setting(
        name="models_dir",
        value=File("DIR"),
        ini="tinyquant_models_dir",
        meaning="Directory of the models (default: {default})",
    ),
    Setting(
        name="extra_models",
        value=Directories(),
        variable="TINYQUANT_EXTRA_MODELS",
        meaning="Directories of models beside the project's.",
    ),
)

BASELINES: Final = (
    Setting(
        name="update",
        value=OneOf("new", "all", alone="new"),
        option="--tq-update-baselines",
        meaning="Write baselines: new (default) only missing ones, all whatever was measured.",
    ),
    Setting(
        name="missing",
        value=OneOf("fail", "record", "skip"),
        option="--tq-missing-baseline",
        meaning="What a combination without a baseline does: {default} (default), record it, or "
        "skip.",
    ),
    Setting(
        name="tolerance",
        value=Lines("METRIC:SLACK"),
        option="--tq-tolerance",
        meaning="Allow a metric to grow, such as latency:1% or ram:64; may be given several times.",
    ),
    Setting(
        name="ini_tolerance",
        value=Lines("METRIC:SLACK"),
        ini="tinyquant_tolerance",
        meaning="METRIC:SLACK, one a line",
    ),
    Setting(
        name="limits",
        value=Lines("METRIC:LIMIT"),
        ini="tinyquant_limit",
        meaning="METRIC:LIMIT that holds for every model, one a line",
    ),
    Setting(
        name="baselines_dir",
        value=File("DIR"),
        ini="tinyquant_baselines",
        meaning="Directory of the baselines (default: {default})",
    ),
)

RUNNING: Final = (
    Setting(
        name="timeout",
        value=Seconds(),
        option="--tq-timeout",
        meaning="Time limit of one run on a board (default: {default}).",
    ),
    Setting(
        name="lease_timeout",
        value=Seconds(or_zero=True),
        option="--tq-lease-timeout",
        meaning="Time to wait for a real board that others hold (default: {default}).",
    ),
    Setting(
        name="resume",
        value=Flag(),
        option="--tq-resume",
        meaning="Reuse the outcomes of a run that was interrupted less than a day ago, each only "
        "for the very same image and board.",
    ),
    Setting(
        name="canary",
        value=Text("MODEL-SCHEME"),
        option="--tq-canary",
        ini="tinyquant_canary",
        meaning="Measure this before and after the run on each real board; if it drifts, that is "
        "trouble with the bench and no regression.",
        ini_meaning="MODEL-SCHEME measured before and after, on each real board",
    ),
    Setting(
        name="set_aside_after",
        value=Count(),
        ini="tinyquant_set_aside_after",
        meaning="Failures in a row after which a board is out (default: {default})",
    ),
    Setting(
        name="estimate_cycles",
        value=Flag(),
        option="--tq-estimate-cycles",
        meaning="Show the estimated cycles of all inferences, by operator for a few, and estimate "
        "those of the emulated rx65n, too; estimates are reported, never judged or kept.",
        concerns_us=True,
    ),
    Setting(
        name="cache_dir",
        value=File("DIR"),
        option="--tq-cache-dir",
        variable="TINYQUANT_CACHE",
        meaning="Directory of converted models and built firmware (default: the user's cache).",
    ),
)

REPORTS: Final = (
    Setting(
        name="json_path",
        value=File(),
        option="--tq-json",
        meaning="Write every verdict, measured number and error of the run to this JSON file.",
    ),
    Setting(
        name="html_path",
        value=File(),
        option="--tq-html",
        meaning="Write the run's report, with figures and a page per combination, to this HTML "
        "file.",
    ),
    Setting(
        name="markdown_path",
        value=File(),
        option="--tq-markdown",
        meaning="Write a summary of the run to this Markdown file.",
    ),
    Setting(
        name="github_summary",
        value=Flag(),
        option="--tq-github-summary",
        meaning="Append that summary to the file that $GITHUB_STEP_SUMMARY names.",
    ),
    Setting(
        name="progress_interval",
        value=Seconds(or_zero=True),
        option="--tq-progress",
        meaning="Without a terminal, print a progress line this often (default: {default}; 0 for "
        "never).",
    ),
)

COMPARISONS: Final = (
    Setting(
        name="ab",
        value=Text("A[..B]"),
        option="--tq-ab",
        meaning="Measure two sides in turns and judge B by A instead of by baselines. A side is a "
        "git revision or a directory of kernels; B is the working tree by default.",
        concerns_us=True,
    ),
    Setting(
        name="history",
        value=FileOrUrl("FILE|URL", alone=DEFAULT_HISTORY),
        option="--tq-history",
        meaning=f"Append what the run measures to this SQLite file (default: {DEFAULT_HISTORY}), "
        "or to a PostgreSQL database: postgresql://USER@HOST/NAME.",
        concerns_us=True,
    ),
    Setting(
        name="creep_since",
        value=Text("REV"),
        option="--tq-creep",
        ini="tinyquant_creep",
        meaning="Judge the sum of all changes since this revision's baselines, such as a release.",
        ini_meaning="Revision that --tq-creep names by default",
        concerns_us=True,
    ),
    Setting(
        name="creep_limit",
        value=Lines("METRIC:SLACK"),
        option="--tq-creep-limit",
        ini="tinyquant_creep_limit",
        meaning="How much a metric may have grown since then; may be given several times.",
        ini_meaning="METRIC:SLACK of growth since it, one a line",
        adds=True,
    ),
    Setting(
        name="creep_action",
        value=OneOf("fail", "warn"),
        option="--tq-creep-action",
        meaning="What growth beyond that does: {default} the test (default), or warn.",
    ),
)

SETTINGS: Final = (*SELECTION, *BASELINES, *RUNNING, *REPORTS, *COMPARISONS)
"""Every setting, in the order of ``pytest --help``."""
