"""Which physical page lies behind each page of a process: what changed its place was copied, whoever denies it.

A page that two processes share and one writes to is copied by the kernel, and the writer gets the copy: its virtual
page then has another frame than before. Unlike the child's private memory, this can be read after the child is gone,
and the child can hide nothing by giving back pages. Needs root: for others the kernel masks the frames.
"""

import ctypes
import fcntl
import os
from array import array
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ENTRY_BYTES = 8
PRESENT = 1 << 63
FRAME = (1 << 55) - 1
# The unit of reading and comparing: what one page of the page table maps.
CHUNK_PAGES = 512
CHUNK_BYTES = CHUNK_PAGES * PAGE_BYTES

# PAGEMAP_SCAN of linux/fs.h: finds the populated parts of large empty mappings without walking through all of them.
SCAN_REQUEST = 3 << 30 | 96 << 16 | ord("f") << 8 | 16
PAGE_IS_PRESENT = 1 << 3
REGIONS_PER_SCAN = 4096
# Without PAGEMAP_SCAN (before Linux 6.7), larger mappings would take too long to read.
LARGEST_WITHOUT_SCAN = 64 << 30


@dataclass
class Moves:
    """Pages, by what became of them between two readings."""

    moved: int = 0  # another frame: copied, or given back and taken anew
    fresh: int = 0  # not there before
    gone: int = 0


def frames(pid):
    """Maps each populated chunk's address to its entries. None where the kernel does not tell."""
    chunks = {}
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for start, end in _private_mappings(pid):
            for begin, length in _populated(pagemap, start, end):
                chunks |= _read_chunks(pagemap, begin, length)
    known = any(entry & FRAME for entries in chunks.values() for entry in entries)
    return chunks if known else None


def compare(before, after):
    moves = Moves()
    empty = array("Q", bytes(CHUNK_PAGES * ENTRY_BYTES))
    for address in before.keys() | after.keys():
        for old, new in zip(before.get(address, empty), after.get(address, empty)):
            if not old & PRESENT:
                moves.fresh += bool(new & PRESENT)
            elif not new & PRESENT:
                moves.gone += 1
            elif old & FRAME != new & FRAME:
                moves.moved += 1
    return moves


def _private_mappings(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, permissions = line.split()[:2]
        if permissions.startswith("rw") and permissions.endswith("p"):
            start, end = (int(text, 16) for text in addresses.split("-"))
            yield start, end


def _read_chunks(pagemap, begin, length):
    first = begin // CHUNK_BYTES * CHUNK_BYTES
    last = -(-(begin + length) // CHUNK_BYTES) * CHUNK_BYTES
    entries = array("Q", os.pread(pagemap.fileno(), (last - first) // PAGE_BYTES * ENTRY_BYTES,
                                  first // PAGE_BYTES * ENTRY_BYTES))  # fmt: skip
    return {
        first + i * PAGE_BYTES: entries[i : i + CHUNK_PAGES]
        for i in range(0, len(entries) - CHUNK_PAGES + 1, CHUNK_PAGES)
    }


def _populated(pagemap, start, end):
    """Yields (begin, length) of the present parts of a mapping."""
    vector = (ctypes.c_uint64 * (3 * REGIONS_PER_SCAN))()
    while start < end:
        # size, flags, start, end, walk_end, vec, vec_len, max_pages, and four masks: inverted, all, any, returned
        argument = (ctypes.c_uint64 * 12)(
            96, 0, start, end, 0, ctypes.addressof(vector), REGIONS_PER_SCAN, 0, 0, PAGE_IS_PRESENT, 0, PAGE_IS_PRESENT
        )
        try:
            found = fcntl.ioctl(pagemap, SCAN_REQUEST, argument)
        except OSError:
            if end - start <= LARGEST_WITHOUT_SCAN:
                yield start, end - start
            return
        for i in range(found):
            yield vector[3 * i], vector[3 * i + 1] - vector[3 * i]
        start = argument[4]
