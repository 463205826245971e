"""Pictures of what the Engine tells: an image's layers, layers that images share, use of limits."""

_BLUE, _GREY, _ORANGE, _DARK = "#1d63ed", "#c3c9d4", "#e8590c", "#1f2933"


def layers(steps):
    """Draw how many bytes each step of an image has added.

    Args:
        steps: What `images.history` gives.

    Returns:
        A matplotlib `Figure`, a bar a step, the oldest at the bottom.
    """
    figure = _figure(0.55 * len(steps) + 1)
    axes = _strip(figure.subplots())
    shown = steps[::-1].reset_index(drop=True)
    texts = [_short(text) for text in shown.created_by]
    bars = axes.barh(shown.index, shown["size"] / 1e6, color=_BLUE)
    axes.bar_label(bars, [f" {size / 1e6:.3g} MB" for size in shown["size"]], fontsize=12)
    axes.set_yticks(shown.index, texts, fontsize=12, family="monospace", parse_math=False)
    axes.set_xlabel("MB added", fontsize=12)
    axes.margins(x=0.15)
    return figure


def shared(table):
    """Draw which layers images have in common.

    Args:
        table: What `images.shared` gives.

    Returns:
        A matplotlib `Figure`, a column an image, a block a layer; a shared one is orange.
    """
    names = [name for name in table.columns if name != "layer"]
    figure = _figure(0.6 * len(table) + 1)
    axes = _strip(figure.subplots())
    for column, name in enumerate(names):
        for row in table.index[table[name]]:
            common = table.loc[row, names].all()
            axes.barh(row, 0.9, left=column, height=0.8, color=_ORANGE if common else _GREY)
            words = table.layer[row] + (" · shared" if common else "")
            axes.text(column + 0.45, row, words, ha="center", va="center", fontsize=12)
    places = [column + 0.45 for column in range(len(names))]
    axes.set_xticks(places, names, fontsize=12, parse_math=False)
    axes.set_yticks([])
    return figure


def usage(measured):
    """Draw a container's use of processor and memory against its limits.

    Args:
        measured: What `containers.stats` gives.

    Returns:
        A matplotlib `Figure` with two panels.
    """
    figure = _figure(2)
    left, right = figure.subplots(1, 2)
    for axes, value, limit, unit, scale in (
        (left, "cpu_percent", "cpu_limit", "CPU, % of one core", 1),
        (right, "memory", "memory_limit", "memory, MB", 1e6),
    ):
        used, most = measured[value][0] / scale, measured[limit][0] / scale
        bar = _strip(axes).barh(0, used, color=_BLUE)
        axes.bar_label(bar, [f" {used:.3g}"], fontsize=12)
        axes.axvline(most, color=_ORANGE, linestyle="--")
        axes.text(most, 0.5, f"limit {most:.3g} ", color=_ORANGE, ha="right", fontsize=12)
        axes.set(title=unit, xlim=(0, 1.2 * most), ylim=(-0.6, 0.7), yticks=[])
    return figure


def _figure(height):
    """Make a figure that is shown once, as the value of its cell."""
    import matplotlib.pyplot as plt  # takes a second, and most cells draw nothing

    figure = plt.figure(figsize=(9, height), layout="constrained")
    plt.close(figure)
    return figure


def _strip(axes):
    """Return axes without their frame, which has only a bottom then."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False, colors=_DARK)
    return axes


def _short(text):
    return text if len(text) <= 48 else text[:47] + "…"
