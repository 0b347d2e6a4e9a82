#!/usr/bin/env python3
"""Writes signed events straight to Hansard's Kafka topic, with no code of Hansard's: a stock Kafka client, an Ed25519
library and BLAKE3. The contract that it follows: docs/format.md section 3, schemas/proto/hansard.proto.

    producer.py --bootstrap 127.0.0.1:9092 --topic hansard --stream acme.example/agent-7 --source agent://acme/7 \\
                --key agent-7.key --state agent-7.state < events.ndjson
    producer.py --key agent-7.key --public        # the public key, to be registered first

One event a line: the members of its header that the producer knows, and its contents beside them:
    {"type": "dev.hansard.tool.call", "subject": "loan/4711", "data": {"session": "s1", "agent": {"id": "7"}, ...},
     "contents": [{"name": "arguments", "media_type": "application/json", "text": "{}"}]}       (or "base64" instead of "text")
Added here: specversion, id (UUIDv7) where there is none, source, stream, nonce, tenant, commitments. Prints one JSON document once
all is acknowledged: key, stream, partition, size, root, and each event's id, position in the stream, digest and log offset.

Guarantees: what has been signed is on disk before it is sent, and is sent again as it is after a crash, so the stream never
has two histories; a batch sent twice is dropped by the compactor. Exits 1 with the reason when something is not acknowledged.
"""
import argparse, base64, hashlib, json, os, struct, sys, time, uuid

from blake3 import blake3
from confluent_kafka import Producer
from nacl.signing import SigningKey

EVENTS_PER_BATCH, BATCH_BYTES, PART_BYTES = 256, 900_000, 524_288  # a record's value holds at most 1,000,000 bytes
INLINE, PARTS, REFERENCE = 0, 1, 2  # how the bytes of a content travel


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def field(number, value):
    """One protobuf field; proto3 leaves out zero and empty."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value if value else b""


def murmur2(data):
    """Kafka's own hash of keys; the partition is (murmur2 & 0x7fffffff) % partitions."""
    m, mask, whole = 0x5BD1E995, 0xFFFFFFFF, len(data) // 4 * 4
    h = 0x9747B28C ^ len(data)
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        h = h * m & mask ^ (k ^ k >> 24) * m & mask
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def append(frontier, size, leaf):
    """Adds a leaf to the roots of the complete subtrees of [0, size), largest first."""
    while size & 1:
        leaf, size = node(frontier.pop(), leaf), size >> 1
    frontier.append(leaf)


def root(frontier):
    value = frontier[-1] if frontier else hashlib.sha256(b"").digest()
    for left in frontier[-2::-1]:
        value = node(left, value)
    return value


def signed_note(key, name, size, tree_root):
    """C2SP checkpoint: origin, size, root; then an Ed25519 line (type 0x01) under the stream's name."""
    text = f"{name}\n{size}\n{base64.b64encode(tree_root).decode()}\n"
    key_id = hashlib.sha256(name.encode() + b"\n\1" + bytes(key.verify_key)).digest()[:4]
    signature = base64.b64encode(key_id + key.sign(text.encode()).signature).decode()
    return f"{text}\n\u2014 {name} {signature}\n".encode()


def content(given, partition_key, sent, room):
    """Commits to one content: its header entry, its protobuf message, and the parts that must travel before its batch."""
    data = base64.b64decode(given["base64"]) if "base64" in given else given["text"].encode()
    entry = {"name": given["name"], "media_type": given.get("media_type", "text/plain; charset=utf-8"), "size": len(data)}
    if known := sent.get(data):  # these bytes were sent in this stream before: name the same commitment
        return entry | {"commitment": known}, field(1, REFERENCE), []
    salt = os.urandom(32)
    commitment = blake3(salt + data, derive_key_context="hansard 2026-11 content commitment v1").digest()
    entry["commitment"] = commitment.hex()
    if len(data) <= min(PART_BYTES, room):
        return entry, field(1, INLINE) + field(2, salt) + field(3, data), []
    pieces = [data[i:i + PART_BYTES] for i in range(0, len(data), PART_BYTES)]
    return entry, field(1, PARTS) + field(2, salt), [
        field(1, commitment) + field(2, len(data)) + field(3, i) + field(4, len(pieces)) + field(5, piece) + field(6, partition_key)
        for i, piece in enumerate(pieces)]


def event(given, stream, sent):
    """One event: id, header bytes, protobuf message, and the parts that must travel before its batch."""
    stamp = int.from_bytes(struct.pack(">Q", time.time_ns() // 1_000_000)[2:] + os.urandom(10), "big")
    event_id = str(uuid.UUID(int=stamp & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62))  # UUIDv7
    room, entries, messages, parts, contents = 700_000, [], b"", [], given.pop("contents", [])
    for one in contents:
        entry, message, before = content(one, stream["partition_key"], sent, room)
        room -= len(message)
        entries, messages, parts = entries + [entry], messages + field(2, message), parts + before
    for one, entry in zip(contents, entries):
        if "text" in one and entry["size"] >= 256:  # shorter ones are not worth a look back
            sent[one["text"].encode()] = entry["commitment"]
    data = {"stream": stream["name"], "nonce": os.urandom(16).hex(), "tenant": stream["tenant"], "contents": entries}
    header = {"specversion": "1.0", "id": event_id, "source": stream["source"]} | given | {"data": given.get("data", {}) | data}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return header["id"], text, field(1, text) + messages, parts


def batch(events, stream, state, key):
    """Signs a batch: advances the stream's tree and returns the records (parts first, then the batch itself)."""
    before, size = b"".join(state["frontier"]), state["size"]
    for i, (event_id, header, _, _) in enumerate(events):
        digest = blake3(header, derive_key_context="hansard 2026-11 event header v1").digest()
        append(state["frontier"], size + i, hashlib.sha256(b"\0" + digest).digest())
        state["events"].append({"id": event_id, "index": size + i, "digest": digest.hex(), "offset": None})
    state["size"] = size + len(events)
    note = signed_note(key, stream["name"], state["size"], root(state["frontier"]))
    signed = field(1, 1) + field(2, note) + field(3, bytes(key.verify_key)) + field(4, size) + field(5, before)
    signed += b"".join(field(6, message) for _, _, message, _ in events) + field(7, stream["partition_key"])
    return [field(2, part) for _, _, _, parts in events for part in parts] + [field(1, signed)]


def save(path, state):
    """On disk before anything is sent: the tree, and the records that are not acknowledged yet."""
    stored = {"size": state["size"], "frontier": [h.hex() for h in state["frontier"]],
              "pending": [base64.b64encode(r).decode() for r in state["pending"]]}
    with open(path + ".new", "w") as out:
        out.write(json.dumps(stored))
        out.flush()
        os.fsync(out.fileno())
    os.replace(path + ".new", path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def load(path):
    stored = json.load(open(path)) if os.path.exists(path) else {"size": 0, "frontier": [], "pending": []}
    return stored | {"frontier": [bytes.fromhex(h) for h in stored["frontier"]], "events": [],
                     "pending": [base64.b64decode(r) for r in stored["pending"]]}


def send(producer, topic, partition, partition_key, state):
    """Sends what is pending, in order; returns the offset of the last record once every one is acknowledged."""
    answers = []
    for record in state["pending"]:
        producer.produce(topic, key=partition_key, value=record, partition=partition,
                         on_delivery=lambda error, message: answers.append((error, message.offset())))
    producer.flush(60)
    failed = [error for error, _ in answers if error]
    if failed or len(answers) < len(state["pending"]):
        sys.exit(f"producer.py: not acknowledged: {failed[0] if failed else 'no answer in 60 s'}; run again with the same --state")
    return answers[-1][1] if answers else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--public", action="store_true", help="print the public key in hex and stop")
    parser.add_argument("--key", required=True, help="file with the private key in hex; made when it is not there")
    for name, default in (("bootstrap", "127.0.0.1:9092"), ("topic", "hansard"), ("tenant", "default"), ("stream", None),
                          ("source", None), ("state", None), ("partition-key", None)):
        parser.add_argument("--" + name, default=default)
    args = parser.parse_args()
    if not os.path.exists(args.key):
        with os.fdopen(os.open(args.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(os.urandom(32).hex() + "\n")
    key = SigningKey(bytes.fromhex(open(args.key).read().strip()))
    if args.public:
        return print(bytes(key.verify_key).hex())
    if not (args.stream and args.source and args.state):
        parser.error("--stream, --source and --state are needed")
    stream = {"name": args.stream, "source": args.source, "tenant": args.tenant, "partition_key": args.partition_key or args.stream}
    producer = Producer({"bootstrap.servers": args.bootstrap, "acks": "all", "enable.idempotence": True, "message.max.bytes": 1_048_588})
    partitions = len(producer.list_topics(args.topic, timeout=30).topics[args.topic].partitions)
    if not partitions:
        sys.exit(f"producer.py: there is no topic {args.topic} at {args.bootstrap}; Hansard makes it, start it first")
    partition = (murmur2(stream["partition_key"].encode()) & 0x7FFFFFFF) % partitions
    state, sent = load(args.state), {}
    send(producer, args.topic, partition, stream["partition_key"], state)  # what a crash left unsent

    def flush(events):
        first = len(state["events"])
        state["pending"] = batch(events, stream, state, key)
        save(args.state, state)
        offset = send(producer, args.topic, partition, stream["partition_key"], state)
        for one in state["events"][first:]:
            one["offset"] = offset

    waiting, waiting_bytes = [], 0
    for line in filter(str.strip, sys.stdin):
        one = event(json.loads(line), stream, sent)
        if waiting and (len(waiting) == EVENTS_PER_BATCH or waiting_bytes + len(one[2]) > BATCH_BYTES):
            flush(waiting)
            waiting, waiting_bytes = [], 0
        waiting.append(one)
        waiting_bytes += len(one[2])
    if waiting:
        flush(waiting)
    state["pending"] = []
    save(args.state, state)
    print(json.dumps({"public_key": bytes(key.verify_key).hex(), "stream": stream["name"], "partition": partition,
                      "size": state["size"], "root": root(state["frontier"]).hex(), "events": state["events"]}))


if __name__ == "__main__":
    main()
