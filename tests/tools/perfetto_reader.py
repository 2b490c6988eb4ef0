# SPDX-License-Identifier: Apache-2.0
"""Reads trace.perfetto.gz into SQLite, in those tables of Perfetto's trace processor that the queries
of docs/traces.md use: slice, track, counter_track, counter, and EXTRACT_ARG. It checks what the trace
processor would count as an error: order, tracks that are not declared, ends without a beginning."""

import gzip
import sqlite3
import struct

PACKET, TIMESTAMP, EVENT, DESCRIPTOR = 1, 8, 11, 60
UUID, NAME, PARENT, COUNTER, RANK = 1, 2, 5, 8, 12
ANNOTATION, TYPE, TRACK, CATEGORY, EVENT_NAME, FLOW, VALUE = 4, 9, 11, 22, 23, 47, 44
BEGINS, ENDS, COUNTS = 1, 2, 4


def fields(data):
    """(number, value) of a message: integers, eight bytes, or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        number, wire = key >> 3, key & 7
        if wire == 0:
            yield number, varint()
        elif wire == 1:
            yield number, data[at:at + 8]
            at += 8
        elif wire == 2:
            length = varint()
            assert at + length <= len(data), "a field is longer than its message"
            yield number, data[at:at + length]
            at += length
        else:
            raise AssertionError(f"wire type {wire}")


def message(data):
    """Fields by number; the last of each."""
    return dict(fields(data))


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


class Trace:
    def __init__(self, path):
        self.database = sqlite3.connect(":memory:")
        self.database.executescript("""
            create table track(id integer, name text, parent_id integer);
            create table counter_track(id integer, name text, parent_id integer, unit text);
            create table slice(id integer, ts integer, dur integer, track_id integer, category text,
                               name text, arg_set_id integer);
            create table counter(ts integer, track_id integer, value real);""")
        self.arguments, self.flows, self._open, self._ids = [], {}, {}, {}
        self.database.create_function(
            "extract_arg", 2, lambda i, key: self.arguments[i].get(key.removeprefix("debug.")))
        self._counters, self._last = set(), 0
        with gzip.open(path) as file:
            for number, packet in fields(file.read()):
                assert number == PACKET
                self._read(message(packet))
        assert not any(self._open.values()), "a slice has no end"

    def _read(self, packet):
        if DESCRIPTOR in packet:
            track = message(packet[DESCRIPTOR])
            assert track[UUID] not in self._ids and track.get(PARENT, 1) in (1, *self._ids)
            self._ids[track[UUID]] = track[NAME].decode()
            row = (track[UUID], track[NAME].decode(), track.get(PARENT))
            self.database.execute("insert into track values (?,?,?)", row)
            if COUNTER in track:
                self._counters.add(track[UUID])
                unit = message(track[COUNTER])[6].decode()
                self.database.execute("insert into counter_track values (?,?,?,?)", (*row, unit))
            return
        time, event = packet[TIMESTAMP], list(fields(packet[EVENT]))
        assert time >= self._last, "packets are not in order"
        self._last = time
        told = dict(event)
        track = told[TRACK]
        assert track in self._ids, "a track that is not declared"
        if told[TYPE] == COUNTS:
            assert track in self._counters
            value = struct.unpack("<d", told[VALUE])[0]
            self.database.execute("insert into counter values (?,?,?)", (time, track, value))
        elif told[TYPE] == BEGINS:
            assert not self._open.get(track), "slices of a track overlap"
            self._open.setdefault(track, []).append((time, event))
        else:
            assert told[TYPE] == ENDS
            self._end(track, time)

    def _end(self, track, time):
        begin, event = self._open[track].pop()
        told, ident = dict(event), len(self.arguments)
        arguments = {}
        for number, value in event:
            if number == ANNOTATION:
                annotation = message(value)
                arguments[annotation[10].decode()] = signed(annotation[4])
            elif number == FLOW:
                self.flows.setdefault(struct.unpack("<Q", value)[0], []).append(ident)
        self.arguments.append(arguments)
        self.database.execute("insert into slice values (?,?,?,?,?,?,?)",
                              (ident, begin, time - begin, track, told[CATEGORY].decode(),
                               told[EVENT_NAME].decode(), ident))

    def query(self, text):
        return self.database.execute(text).fetchall()
