#!/usr/bin/env python3
"""Where an operation's processor time goes in tallyd, stage by stage, from perf's samples.

    perf record -e cpu-clock -F 1500 -g -p $(pidof tallyd) -o perf.data -- sleep 4
    perf script -i perf.data -F comm,ip,sym | bench/stages.py --frequency 1500 --operations N

N is how many operations were answered meanwhile: ops_per_s of `tally bench` times the seconds. A sample belongs to the innermost
of its functions that a stage is known by.
"""
import argparse
import collections
import re
import sys

STAGES = [  # name, part of the functions' names; the first that fits an inner function counts
    ("verify", r"verify_request_frame"),
    ("decode", r"decode_operation|check_operation|operation_buffer"),
    ("route (find, prefetch)", r"shard_core::locate|directory<|account_actor::prefetch|hash64"),
    ("apply", r"^tally::apply"),
    ("decide", r"^tally::decide|^tally::draft|^tally::decision::clear|^tally::outcome_of|^tally::rebase"),
    ("encode", r"wal::encode|wal::batch::add|append_record"),
    ("read account", r"shard_core::read_account|view_of|document_codec|encode_document"),
    ("reply", r"answer_queue|shard_port::answer|make_reply|shard_core::answer"),
    ("commit (stamp, hand over)", r"shard_core::commit|shard_core::stamp|wal::commit_loop::append"),
    ("deliver (rest of the shard)", r"shard_core::"),
    ("sockets", r"shard_port::|^__send|readv|epoll|__libc_recv|__libc_send|sys_sendto"),
    ("journal: hash and checksum", r"blake2b|crc32c|block_builder::finish|finish_block"),
    ("journal: gather", r"run_merger|block_builder|commit_loop::gather"),
    ("journal: sync", r"fdatasync|WritableFileWriter::Sync"),
    ("journal: write", r"block_store::commit|rocksdb::DBImpl::Write"),
    ("journal: publish, high-water mark", r"high_water_mark|commit_loop"),
]
RULES = [(name, re.compile(pattern)) for name, pattern in STAGES]


def samples(lines):
    """One (thread, [function, innermost first]) a sample of `perf script -F comm,ip,sym`."""
    thread, functions = None, []
    for line in lines:
        if not line[0].isspace():
            thread, functions = line.strip(), []
        elif line.strip():
            functions.append(line.split(None, 1)[-1].strip())
        elif thread is not None:
            yield thread, functions
            thread = None
    if thread is not None:
        yield thread, functions


def stage_of(thread, functions):
    for function in functions:
        for name, pattern in RULES:
            if pattern.search(function):
                return name
    # OpenSSL's assembly has no frame pointers: what the journal thread runs in no function we know is the hash.
    if thread == "journal":
        return "journal: hash and checksum" if functions and functions[0] == "[unknown]" else "journal: waiting, waking"
    return "rest of thread " + thread


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--frequency", type=float, required=True, help="samples a second, as given to perf")
    arguments.add_argument("--operations", type=float, required=True, help="operations answered while perf sampled")
    given = arguments.parse_args()
    counts = collections.Counter(stage_of(*sample) for sample in samples(sys.stdin))
    total = sum(counts.values())
    if total == 0:
        sys.exit("stages.py: no samples")
    for stage, count in counts.most_common():
        print(f"{stage:36} {count / given.frequency / given.operations * 1e9:7.0f} ns {100 * count / total:5.1f} %")
    print(f"{'all':36} {total / given.frequency / given.operations * 1e9:7.0f} ns  ({total} samples)")


if __name__ == "__main__":
    main()
