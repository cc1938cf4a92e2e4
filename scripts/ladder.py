#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0
"""Draws one connection as a ladder, from captures taken at both of its ends.

    ladder.py [--svg FILE] [--colour] [--note TEXT] CAPTURE.pcap [CAPTURE.pcap]

A packet that one end sent and the other never saw was lost on the way; bytes
sent a second time are a retransmission (red). Of the connections in the
captures it draws the one that tells most in the fewest packets, and exits
with 3 if that one shows no handshake, retransmission and four-way close.

Standard library only: importing scapy takes 20 s in the virtual machine.
"""
import argparse
import struct
import sys
from math import atan2, cos, sin

STREAM_PROTOCOLS = {6: "TCP", 253: "AF_YOKE"}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FLAGS = (SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH")


# ---------------------------------------------------------------- the packets

class Packet:
    """One segment's one journey. Times in ms; arrived is None if it was lost."""

    def __init__(self, time, ip, tcp):
        self.time = time
        self.protocol = ip[9]
        self.src = dotted(ip[12:16]), *struct.unpack("!H", tcp[0:2])
        self.dst = dotted(ip[16:20]), *struct.unpack("!H", tcp[2:4])
        self.seq, self.ack = struct.unpack("!II", tcp[4:12])
        self.flags = tcp[13] & 0x1f
        header = (tcp[12] >> 4) * 4
        self.options, self.data = tcp[20:header], tcp[header:]
        # What both ends see alike: the IP id and all but the checksum, which
        # the sending end may have left to a network card that is not there.
        self.key = ip[4:6], tcp[:16], tcp[18:]
        self.arrived = time
        self.again = self.overtaken = False
        self.states = {}                        # end -> state it came to

    length = property(lambda p: len(p.data) + bool(p.flags & SYN) + bool(p.flags & FIN))
    lost = property(lambda p: p.arrived is None)


def dotted(raw):
    return ".".join(map(str, raw))


def read_capture(path):
    """All stream segments of a pcap file of Ethernet frames."""
    with open(path, "rb") as file:
        raw = file.read()
    order = "<" if raw[:1] in b"\xd4\x4d" else ">"
    nano = raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    at = 24
    while at + 16 <= len(raw):
        sec, frac, size, _ = struct.unpack_from(order + "IIII", raw, at)
        frame = raw[at + 16:at + 16 + size]
        at += 16 + size
        if frame[12:14] != b"\x08\x00":
            continue
        ip = frame[14:14 + struct.unpack("!H", frame[16:18])[0]]
        if ip[9] in STREAM_PROTOCOLS:
            yield Packet(sec * 1e3 + frac / (1e6 if nano else 1e3),
                         ip, ip[(ip[0] & 15) * 4:])


def join(captures):
    """Pairs what was sent with what arrived: the earlier sight of a packet is
    the sender's. Which capture is whose end is learnt from the first pair."""
    if len(captures) == 1:
        return captures[0]
    seen = {}
    for number, capture in enumerate(captures):
        for packet in capture:
            seen.setdefault(packet.key, ([], []))[number].append(packet)
    home = {}
    for one, two in seen.values():
        if one and two:
            home.setdefault(one[0].src[0], int(two[0].time < one[0].time))
    journeys = []
    for sights in seen.values():
        first = (sights[0] or sights[1])[0]
        here = home.get(first.src[0], 1 - home.get(first.dst[0], 1))
        sent, arrivals = sights[here], [p.time for p in sights[1 - here]]
        for packet in reversed(sent):           # twins: the latest that fits
            fits = [t for t in arrivals if t >= packet.time]
            packet.arrived = fits[-1] if fits else None
            if fits:
                arrivals.remove(fits[-1])
        journeys += sent
    return journeys


# ------------------------------------------------------------- the connection

class End:
    """What can be told of one end's TCP from the segments it sent and got."""

    def __init__(self, state):
        self.state = state
        self.isn = self.sent = self.expects = None
        self.held = []                          # arrived out of order
        self.fin = None                         # sequence number after our FIN


class Connection:
    def __init__(self, packets):
        self.packets = sorted(packets, key=lambda p: p.time)
        opener = next((p for p in self.packets if p.flags & SYN), self.packets[0])
        self.client = opener.dst if opener.flags & ACK else opener.src
        self.server = opener.src if opener.flags & ACK else opener.dst
        self.protocol = STREAM_PROTOCOLS[opener.protocol]
        self.start = self.packets[0].time
        self.ends = {self.client: End("CLOSED"), self.server: End("LISTEN")}
        self.replay()

    def replay(self):
        events = [(p.time, 1, p) for p in self.packets]
        events += [(p.arrived, 0, p) for p in self.packets if not p.lost]
        newest = {}
        for time, sending, p in sorted(events, key=lambda e: e[:2]):
            if sending:
                self.send(self.ends[p.src], p)
            else:
                self.receive(self.ends[p.dst], p)
                p.overtaken = p.time < newest.get(p.src, 0)
                newest[p.src] = max(p.time, newest.get(p.src, 0))

    @staticmethod
    def move(end, who, packet, arms):
        """One step of RFC 9293's state diagram, noted at the packet."""
        if end.state in arms:
            end.state = packet.states[who] = arms[end.state]

    def send(self, end, p):
        if end.isn is None:
            end.isn = end.sent = p.seq
        if p.length:
            p.again = after(end.sent, p.seq)
            if after(p.seq + p.length, end.sent):
                end.sent = p.seq + p.length
        if p.flags & RST:
            self.move(end, p.src, p, {end.state: "CLOSED"})
        elif p.flags & SYN:
            self.move(end, p.src, p, {"CLOSED": "SYN-SENT"})
        elif p.flags & FIN:
            end.fin = p.seq + p.length
            self.move(end, p.src, p, {"ESTABLISHED": "FIN-WAIT-1",
                                      "SYN-RECEIVED": "FIN-WAIT-1",
                                      "CLOSE-WAIT": "LAST-ACK"})

    def receive(self, end, p):
        who = p.dst
        if p.flags & RST:
            return self.move(end, who, p, {end.state: "CLOSED"})
        if p.flags & SYN:
            end.expects = (p.seq + 1) & 0xffffffff
            self.move(end, who, p, {"LISTEN": "SYN-RECEIVED"})
        if p.flags & ACK and end.isn is not None and after(p.ack, end.isn):
            self.move(end, who, p, {"SYN-SENT": "ESTABLISHED",
                                    "SYN-RECEIVED": "ESTABLISHED"})
            if p.ack == (end.fin or -1) & 0xffffffff:
                self.move(end, who, p, {"FIN-WAIT-1": "FIN-WAIT-2",
                                        "CLOSING": "TIME-WAIT",
                                        "LAST-ACK": "CLOSED"})
        end.held.append((p.seq, p.length, p.flags & FIN))
        for seq, length, fin in sorted(end.held):
            if end.expects is None or after(seq, end.expects):
                continue
            if after(seq + length, end.expects):
                end.expects = (seq + length) & 0xffffffff
                if fin:
                    self.move(end, who, p, {"ESTABLISHED": "CLOSE-WAIT",
                                            "FIN-WAIT-1": "CLOSING",
                                            "FIN-WAIT-2": "TIME-WAIT"})

    def relative(self, who, number):
        isn = self.ends[who].isn
        return number if isn is None else (number - isn) & 0xffffffff

    def label(self, p):
        """Flags, bytes (first:next) and what is acknowledged, from each end's ISN."""
        words = ["again"] if p.again else []
        words += [name for bit, name in FLAGS if p.flags & bit]
        first = self.relative(p.src, p.seq)
        if p.data:
            words.append(f"{first}:{first + len(p.data)}")
        elif p.length:
            words.append(f"{first}")
        if p.flags & ACK:
            words.append(f"ACK {self.relative(p.dst, p.ack)}")
        words += [f"sack {self.relative(p.dst, left)}:{self.relative(p.dst, right)}"
                  for left, right in sack_blocks(p.options)]
        return " ".join(words)

    def complete(self):
        """A handshake, a lost segment sent again, and four segments to close."""
        fins = [p for p in self.packets if p.flags & FIN and not p.again]
        return (self.packets[0].flags & (SYN | ACK) == SYN
                and any(p.again and p.data for p in self.packets)
                and any(p.lost and p.data for p in self.packets)
                and {end.state for end in self.ends.values()} == {"TIME-WAIT", "CLOSED"}
                and len(fins) == 2
                and any(p.states.get(fins[0].src) == "FIN-WAIT-2" for p in self.packets))

    def rank(self):
        """Small for what is short and complete; a reordering is worth a wait."""
        return (not self.complete(), len(self.packets)
                - 4 * any(p.overtaken for p in self.packets))


def after(a, b):
    """a > b in sequence space."""
    return 0 < ((a - b) & 0xffffffff) < 0x80000000


def sack_blocks(options):
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size < 2:
            return
        if options[at] == 5:
            yield from struct.iter_unpack("!II", options[at + 2:at + size])
        at += size


def connections(packets):
    pairs = {}
    for packet in packets:
        pairs.setdefault(frozenset((packet.src, packet.dst)), []).append(packet)
    return [Connection(found) for found in pairs.values()]


def words_of(data):
    """The bytes as a reader can take them."""
    text = data.decode("ascii", "replace").rstrip("\n")
    return "".join(c if c.isprintable() else "·" for c in text)


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(text, size):
    return text if len(text) <= size else text[:max(size - 1, 0)] + "…"


# ----------------------------------------------------------------- as a text

RUNG = 54                                       # columns between the two ends
SILENCE = 150                                   # ms worth a line of their own


def print_ladder(c, colour):
    red, dim, bold, plain = ("\033[31m", "\033[2m", "\033[1m", "\033[0m") if colour else [""] * 4
    ends = "%s:%d" % c.client, "%s:%d" % c.server
    print(f"{bold}{'client ' + ends[0]:>31}{'server ' + ends[1]:>{RUNG + 6}}{plain}")
    print(f"{dim}{'state':<13}{'ms':>7} ┬{'':{RUNG}}┬ {'ms':<7} {'state'}{plain}")
    before = c.start
    for p in c.packets:
        if p.time - before > SILENCE:
            pause = f"{p.time - before:.0f} ms of silence"
            print(f"{'':21}{dim}┊{pause:^{RUNG}}┊{plain}")
        before = max(before, p.time, p.arrived or 0)
        rightward = p.src == c.client
        arrow = draw_arrow(c, p, rightward)
        if p.again or p.lost:
            arrow = red + arrow + plain
        left, right = (p.time, p.arrived) if rightward else (p.arrived, p.time)
        print(f"{p.states.get(c.client, ''):<13}{when(c, p, left):>7} │{arrow}│ "
              f"{when(c, p, right):<7} {p.states.get(c.server, '')}".rstrip())
    if any(p.overtaken for p in c.packets):
        print(f"{dim}{'':21}* overtaken: left earlier, arrived later{plain}")


def when(c, p, time):
    if time is None:
        return "lost"
    return f"{time - c.start:.1f}" + "*" * (p.overtaken and time == p.arrived)


def draw_arrow(c, p, rightward):
    """The label at the sender's end, the head at the receiver's."""
    line = "━" if p.again else "─"
    label = c.label(p)
    room = RUNG - len(label) - 8
    if p.data and room > 6:
        label += f" “{clip(words_of(p.data), room - 3)}”"
    label = f" {label} "
    if p.lost:
        stop = max(RUNG - 12, len(label) + 4)
        body = f"{line}{label}".ljust(stop, line) if rightward else f"{label}{line}".rjust(stop, line)
        return f"{body}╳".ljust(RUNG) if rightward else f"╳{body}".rjust(RUNG)
    if rightward:
        return f"{line}{label}".ljust(RUNG - 1, line) + "▶"
    return "◀" + f"{label}{line}".rjust(RUNG - 1, line)


# ------------------------------------------------------------------ as an SVG

LEFT, RIGHT, WIDTH = 210, 770, 980              # the two lifelines, the page
STATE_COLOURS = {
    "CLOSED": "#cfd4da", "LISTEN": "#cfd4da",
    "SYN-SENT": "#f5c26b", "SYN-RECEIVED": "#f5c26b", "ESTABLISHED": "#7cc48d",
    "FIN-WAIT-1": "#8fb4e3", "FIN-WAIT-2": "#8fb4e3", "CLOSING": "#8fb4e3",
    "CLOSE-WAIT": "#8fb4e3", "LAST-ACK": "#8fb4e3", "TIME-WAIT": "#b9a3dc",
}
INK, RED, GREY = "#22303c", "#d0202e", "#7a8793"


def place(c):
    """Heights of departures and arrivals: in the order of time, never so close
    that two labels of one side touch, and with long silences cut short."""
    events = [(p.time, 1, p) for p in c.packets]
    events += [(p.arrived, 0, p) for p in c.packets if not p.lost]
    y, before, used, cuts, heights = 150.0, c.start, {}, [], {}
    for time, sending, p in sorted(events, key=lambda e: e[:2]):
        wait = time - before
        y += min(wait * 0.9, 50)
        if wait > SILENCE:
            cuts.append((y - 25, wait))
        end = p.src if sending else p.dst
        y = max(y, used.get(end, 0) + (23 if sending else 15))
        used[end], before = y, time
        heights[p, sending] = y
    return heights, cuts, y


def write_svg(c, path, note):
    heights, cuts, last = place(c)
    bottom = last + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 64:.0f}" '
           f'viewBox="0 0 {WIDTH} {bottom + 64:.0f}" '
           'font-family="DejaVu Sans, Verdana, sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="#fff"/>']

    def text(x, y, words, **style):
        style = " ".join(f'{k.replace("_", "-")}="{v}"' for k, v in style.items())
        out.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>')

    def line(x1, y1, x2, y2, **style):
        style = " ".join(f'{k.replace("_", "-")}="{v}"' for k, v in style.items())
        out.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>')

    middle = (LEFT + RIGHT) / 2
    text(middle, 34, f"One {c.protocol} connection", text_anchor="middle",
         font_size=20, font_weight="bold", fill=INK)
    text(middle, 56, note, text_anchor="middle", fill=GREY)
    svg_phases(c, heights, bottom, out, text)
    for who, x, name in (c.client, LEFT, "client"), (c.server, RIGHT, "server"):
        text(x, 92, name, text_anchor="middle", font_size=14, font_weight="bold", fill=INK)
        text(x, 110, "%s:%d" % who, text_anchor="middle", fill=INK)
        svg_states(c, heights, who, x, bottom, out, text)
    for y, wait in cuts:
        out.append(f'<rect x="{LEFT - 8}" y="{y - 6:.1f}" width="{RIGHT - LEFT + 16}" height="12" fill="#fff"/>')
        text(middle, y + 4, f"{wait:.0f} ms of silence", text_anchor="middle", fill=GREY,
             font_style="italic", font_size=11)
    for p in c.packets:
        svg_arrow(c, p, heights, text, line)
    for p in c.packets:
        svg_words(c, p, heights, text)
    svg_legend(bottom + 34, text, line)
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def svg_phases(c, heights, bottom, out, text):
    """Open, exchange, close: three tinted fields."""
    first_data = next((heights[p, 1] for p in c.packets if p.data), bottom)
    first_fin = next((heights[p, 1] for p in c.packets if p.flags & FIN), bottom)
    for top, end, name, tint in ((124, first_data - 12, "open", "#fff8ea"),
                                 (first_data - 12, first_fin - 12, "exchange", "#f0f9f2"),
                                 (first_fin - 12, bottom, "close", "#eff4fc")):
        if end > top:
            out.append(f'<rect x="12" y="{top:.1f}" width="{WIDTH - 24}" '
                       f'height="{end - top:.1f}" fill="{tint}"/>')
            text(24, top + 20, name, fill=GREY, font_size=13, font_style="italic")


def svg_states(c, heights, who, x, bottom, out, text):
    """The lifeline is a band in the colour of the end's state."""
    outward = -1 if who == c.client else 1
    anchor = "end" if who == c.client else "start"
    marks = sorted((heights[p, int(p.src == who)], p.states[who])
                   for p in c.packets if who in p.states)
    marks = [(124, "CLOSED" if who == c.client else "LISTEN")] + marks
    for (y, state), (end, _) in zip(marks, marks[1:] + [(bottom, None)]):
        out.append(f'<rect x="{x - 4}" y="{y:.1f}" width="8" height="{end - y:.1f}" '
                   f'fill="{STATE_COLOURS[state]}"/>')
        text(x + outward * 66, y + 4 + (y == 124) * 8, state, text_anchor=anchor, font_size=11,
             font_weight="bold", fill=INK)


def svg_arrow(c, p, heights, text, line):
    """Level below its label, which so stays legible, and then to the other end."""
    way = 1 if p.src == c.client else -1
    x1, x3 = (LEFT + 4, RIGHT - 4)[::way]
    y1 = heights[p, 1]
    x2 = x1 + way * (22 + 6.4 * len(svg_label(c, p)))
    style = {"stroke": RED if p.again else INK, "stroke_width": 2 if p.again else 1.3}
    if p.lost:
        style["stroke_dasharray"] = "6 4"
    line(x1, y1, x2, y1, **style)
    svg_time(c, x1 - way * 16, y1, p.time, text)
    if p.lost:
        x3, y3 = max(x1 + way * 440, x2 + way * 40, key=lambda x: way * x), y1 + 8
        line(x2, y1, x3, y3, **style)
        for dx in (-6, 6):
            line(x3 - dx, y3 - 6, x3 + dx, y3 + 6, stroke=RED, stroke_width=2.5)
        text(x3 + way * 14, y3 + 4, "lost", fill=RED, font_size=11,
             text_anchor="start" if way > 0 else "end")
        return
    y3 = heights[p, 0]
    line(x2, y1, x3, y3, **style)
    angle = atan2(y3 - y1, x3 - x2)
    for side in (-0.4, 0.4):
        line(x3, y3, x3 - 10 * cos(angle + side), y3 - 10 * sin(angle + side), **style)
    svg_time(c, x3 + way * 16, y3, p.arrived, text)


def svg_time(c, x, y, time, text):
    text(x, y + 4, f"{time - c.start:.1f}", fill=GREY, font_size=10,
         text_anchor="end" if x < LEFT else "start")


def svg_label(c, p):
    label = c.label(p)
    return label + f"  “{clip(words_of(p.data), 42 - len(label))}”" if p.data else label


def svg_words(c, p, heights, text):
    """At the sender's end, with a halo to part them from what they cross."""
    way = 1 if p.src == c.client else -1
    text((LEFT if way > 0 else RIGHT) + way * 18, heights[p, 1] - 4, svg_label(c, p),
         fill=RED if p.again else INK, font_size=11.5, paint_order="stroke", stroke="#fff",
         stroke_width=3, stroke_linejoin="round", text_anchor="start" if way > 0 else "end")


def svg_legend(y, text, line):
    x = LEFT - 60
    for style, words, room in (
            ({"stroke": INK, "stroke_width": 1.3}, "a segment", 130),
            ({"stroke": RED, "stroke_width": 2}, "a retransmission", 180),
            ({"stroke": INK, "stroke_width": 1.3, "stroke_dasharray": "6 4"}, "lost on the link", 180)):
        line(x, y, x + 34, y, **style)
        text(x + 42, y + 4, words, fill=INK, font_size=11)
        x += room
    text(x, y + 4, "times in ms; numbers count from each end’s first", fill=GREY, font_size=11)


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ask.add_argument("captures", nargs="+", metavar="CAPTURE.pcap")
    ask.add_argument("--svg", metavar="FILE", help="draw it into FILE as well")
    ask.add_argument("--note", default="captured at both ends", help="a line below the title")
    ask.add_argument("--colour", action="store_true", help="colour the text")
    args = ask.parse_args()

    found = connections(join([list(read_capture(path)) for path in args.captures[:2]]))
    if not found:
        sys.exit("ladder.py: no stream segments in " + " ".join(args.captures))
    best = min(found, key=Connection.rank)
    print_ladder(best, args.colour)
    if args.svg:
        write_svg(best, args.svg, args.note)
    return 0 if best.complete() else 3


if __name__ == "__main__":
    sys.exit(main())
