// DEBUG DIGEST: a signature of a dataset that does not depend on the order of its keys.
//
// Redis's algorithm, so that its server and ours can be compared. With H for SHA-1 and two operations on 20 bytes,
//
//     add(d, bytes) = d xor H(bytes)            for things without an order
//     mix(d, bytes) = H(add(d, bytes))          for things whose order counts
//
// a value's digest is mix(0..., type as a 32-bit big-endian number), then its elements, then, if the key expires,
// add(..., "!!expire!!"). The elements: of a string, mix(..., its bytes); of a list, that for one after the other; of a
// set, add(..., member) for each; of a hash, add(..., mix(mix(0..., field), value)); of a sorted set the same with the
// score, as "%.17g" prints it. A key's starts with mix(mix(0...,) key) instead of zeros. The dataset's is
// made of mix(..., number of the database) for each database that is not empty, and add(..., digest) for each key.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "store/keyspace.h"

namespace cowslip::server {

using Digest = std::array<uint8_t, 20>;

Digest dataset_digest(const store::Keyspace& keyspace);
Digest value_digest(const store::Entry& entry);
// 40 hexadecimal digits.
std::string digest_text(const Digest& digest);

}  // namespace cowslip::server
