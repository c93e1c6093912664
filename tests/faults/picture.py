"""Series over time as one SVG: a small chart each, with a mark where a fault was."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, GAP, TOP = 1120, 108, 110, 20, 34, 64
CHARTS = [
    ("Memory of its own, MiB", ["anonymous_mib"]),
    ("Mapped files in memory, MiB", ["mapped_mib"]),
    ("On disk, MiB", ["disk_mib"]),
    ("Files", ["files"]),
    ("Threads", ["threads"]),
    ("Open descriptors", ["descriptors"]),
    ("Answers to viewers, ms: median (dark) and 95th percentile", ["answer_p95_ms", "answer_p50_ms"]),
    ("Events not covered by answers yet", ["behind_events"]),
]
COLOURS = ["#9db8d9", "#1f4e8c"]


def picture(rows, marks, title):
    minutes = max(row["minute"] for row in rows)
    x = lambda minute: LEFT + (WIDTH - LEFT - RIGHT) * minute / minutes
    parts = [text(LEFT, 24, title, "title")]
    for number, (caption, names) in enumerate(CHARTS):
        top = TOP + number * (HEIGHT + GAP)
        parts += chart(rows, caption, names, top, x)
        parts += [f'<line x1="{x(m):.1f}" x2="{x(m):.1f}" y1="{top}" y2="{top + HEIGHT}" class="mark"/>' for m, _ in marks]
    bottom = TOP + len(CHARTS) * (HEIGHT + GAP)
    step = next(step for step in (1, 5, 10, 15, 30, 60) if minutes / step <= 14)
    parts += [text(x(m), bottom, f"{m} min", "axis middle") for m in range(0, int(minutes) + 1, step)]
    for kind in dict.fromkeys(name for _, name in marks):
        at = ", ".join(f"{minute:.0f}" for minute, name in marks if name == kind)
        bottom += 20
        parts.append(text(LEFT, bottom + 6, f"{kind}: minute {at}", "axis"))
    style = (
        "text{font:13px sans-serif;fill:#222}.title{font-size:16px;font-weight:bold}.axis{font-size:12px;fill:#555}"
        ".middle{text-anchor:middle}.end{text-anchor:end}.mark{stroke:#c33;stroke-dasharray:2 3}.frame{stroke:#ccc}"
        "polyline{fill:none;stroke-width:1.5}"
    )
    height = bottom + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def chart(rows, caption, names, top, x):
    most = max((row[name] for row in rows for name in names if row[name] is not None), default=0) or 1
    y = lambda value: top + HEIGHT - HEIGHT * value / most
    parts = [text(LEFT, top - 8, caption, ""), text(LEFT - 8, top + 10, f"{most:,.0f}", "axis end")]
    parts += [text(LEFT - 8, top + HEIGHT, "0", "axis end")]
    parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" class="frame"/>' for v in (0, most)]
    for name, colour in zip(names, COLOURS[-len(names):]):
        for run in runs(rows, name):
            points = " ".join(f"{x(minute):.1f},{y(value):.1f}" for minute, value in run)
            parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
    return parts


def runs(rows, name):
    """The stretches without a gap."""
    run = []
    for row in rows:
        if row[name] is None:
            if run:
                yield run
            run = []
        else:
            run.append((row["minute"], row[name]))
    if run:
        yield run


def text(x, y, words, kind):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'
