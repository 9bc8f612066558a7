# SPDX-License-Identifier: ISC
"""Panels of horizontal bars as SVG, in text that a reader can check."""
from html import escape

WIDTH, COLUMNS, BAR, GAP, NAMES = 440, 2, 16, 6, 140
INK, OURS, OTHERS = "#24292f", "#1a7f5a", "#9aa5b1"


def _label(value):
    return "%.2f" % value if value < 10 else "{:,.0f}".format(value)


def _text(x, y, text, more=""):
    return '<text x="%d" y="%d" %s>%s</text>' % (x, y, more, escape(text))


def _panel(title, rows, x, y):
    most = max(value for _, value in rows)
    out = [_text(x, y + 12, title, 'font-weight="600"')]
    for i, (name, value) in enumerate(rows):
        top = y + 22 + i * (BAR + GAP)
        long = max(1, (WIDTH - NAMES - 90) * value / most)
        out.append(_text(x + NAMES - 6, top + 12, name, 'text-anchor="end"'))
        out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
            x + NAMES, top, long, BAR, OURS if name.startswith("mqsecproxy") else OTHERS))
        out.append(_text(x + NAMES + int(long) + 5, top + 12, _label(value)))
    return out


def draw(panels, foot):
    """panels: (title, [(name, value)]); foot: a line below. Gives the file's text."""
    panels = [p for p in panels if p[1]]
    high = 40 + max(len(rows) for _, rows in panels) * (BAR + GAP)
    lines = -(-len(panels) // COLUMNS)
    size = (COLUMNS * WIDTH + 20, lines * high + 40)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
           'font-family="sans-serif" font-size="12" fill="%s">' % (size + size + (INK,)),
           '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (title, rows) in enumerate(panels):
        out += _panel(title, rows, 10 + i % COLUMNS * WIDTH, 10 + i // COLUMNS * high)
    out.append(_text(10, size[1] - 12, foot, 'fill="#57606a"'))
    return "\n".join(out) + "\n</svg>\n"
