"""Draws two panels: time over the memory limit on ResNet-18, and the cost per parameter by size."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from step.cases import ADAM
from step.derived import WORKING_SET_BYTES, per_parameter
from step.results import Run, Spread
from step.targets import threads

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which people see apart whose colour vision is weak.
OURS, LIMIT, OTHERS, INK = "#0072B2", "#E69F00", "#B9BEC6", "#24292F"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": "#8C959F",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlepad": 14,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.wspace": 0.08,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.1,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "step",
}


def write(run: Run, path: Path) -> str:
    """Writes the figure and returns what to tell about it."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        return "no plot: matplotlib is not installed (pip install matplotlib)"
    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars, lines = relative_times(run), {who: per_parameter(run, who) for who in ("ours", "limit")}
    panels = [panel for panel, there in ((draw_bars, bars), (draw_lines, lines["ours"])) if there]
    if not panels:
        return "no plot: neither resnet18/adam nor a flat case was measured"
    with pyplot.rc_context(STYLE):
        size = (6.6 * len(panels), 4.6)
        figure, axes = pyplot.subplots(1, len(panels), figsize=size, squeeze=False)
        for panel, axis in zip(panels, axes[0]):
            panel(axis, run)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)
    return f"written: {path}"


def relative_times(run: Run) -> dict[str, Spread]:
    """Time over the limit of Adam on ResNet-18 with all threads, the fastest first."""
    results = run.find("resnet18/adam")
    if not results:
        return {}
    result = max(results, key=lambda result: result.threads)
    found = {
        row.entry.who.name: spread
        for row in result.shown()
        if row.entry.who.name != "limit" and (spread := result.ratio(ADAM, row.entry.who.name, "limit"))
    }
    return dict(sorted(found.items(), key=lambda item: item[1].median))


def draw_bars(axis: "Axes", run: Run) -> None:
    found = relative_times(run)
    names = list(found)
    medians = [found[name].median for name in names]
    colours = [OURS if name == "ours" else OTHERS for name in names]
    # Bars begin at the limit: on a log axis there is no zero to begin at.
    axis.barh(names, [median - 1 for median in medians], left=1, color=colours, height=0.62, zorder=2)
    for place, name in enumerate(names):
        spread = found[name]
        axis.plot([spread.low, spread.high], [place, place], color=INK, linewidth=1.2, zorder=3)
        axis.annotate(
            f"{spread.median:.2f}" if spread.median < 10 else f"{spread.median:.0f}",
            (max(spread.high, spread.median), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold" if name == "ours" else "normal",
        )
    axis.axvline(1, color=LIMIT, linewidth=2, zorder=4)
    axis.set_xscale("log")
    axis.set_xlim(min(0.93, min(medians) * 0.93), max(medians) * 1.6)
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= max(medians) * 1.6]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("time / memory limit (log)")
    most = max(result.threads for result in run.find("resnet18/adam"))
    axis.set_title(f"Adam step on ResNet-18, {threads(most)}")


def draw_lines(axis: "Axes", run: Run) -> None:
    top = 0.0
    for who, colour, style in (("limit", LIMIT, "--"), ("ours", OURS, "-")):
        if points := sorted(per_parameter(run, who).items()):
            sizes, costs = zip(*points)
            axis.plot(sizes, costs, style, color=colour, linewidth=2, marker="o", markersize=5, label=who)
            top = max(top, *costs)
    cache = max(run.environment["caches"].values(), default=0)
    if cache:
        axis.axvline(cache / WORKING_SET_BYTES, color="#8C959F", linewidth=1, linestyle=":")
        axis.annotate(
            f"last cache full ({cache >> 20} MiB)",
            (cache / WORKING_SET_BYTES, top * 1.25),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=10,
            color="#57606A",
        )
    axis.set_xscale("log")
    axis.set_ylim(0, top * 1.28)
    axis.set_xlabel("parameters in one tensor (log)")
    axis.set_ylabel("ns per parameter")
    most = max(result.threads for result in run.cases)
    axis.set_title(f"Cost per parameter of an Adam step, {threads(most)}")
    axis.legend(loc="lower right", frameon=False, reverse=True)
