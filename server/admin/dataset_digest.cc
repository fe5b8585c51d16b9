#include "server/admin/dataset_digest.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <nettle/sha1.h>

#include <cstring>
#include <string_view>

#include "store/hash.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"

namespace cowslip::server {
namespace {

Digest sha1(std::string_view bytes) {
  sha1_ctx context;
  sha1_init(&context);
  sha1_update(&context, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
  Digest digest;
  sha1_digest(&context, digest.size(), digest.data());
  return digest;
}

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

void add(Digest& digest, std::string_view bytes) {
  const Digest other = sha1(bytes);
  for (size_t i = 0; i < digest.size(); i++) digest[i] ^= other[i];
}

void mix(Digest& digest, std::string_view bytes) {
  add(digest, bytes);
  digest = sha1(bytes_of(digest));
}

void mix_number(Digest& digest, uint32_t number) {
  const uint32_t big_endian = htonl(number);
  char bytes[sizeof(big_endian)];
  std::memcpy(bytes, &big_endian, sizeof(bytes));
  mix(digest, {bytes, sizeof(bytes)});
}

void mix(Digest& digest, const store::StringView& value) {
  store::StringView::Scratch scratch;
  mix(digest, value.text(scratch));
}

void mix_list(Digest& digest, const store::ListView& list) {
  list.for_each_from(0, store::ListEnd::kTail, [&](const store::StringView& element) {
    mix(digest, element);
    return true;
  });
}

void add_members(Digest& digest, const store::SetView& set) {
  set.for_each([&](const store::StringView& member) {
    store::StringView::Scratch scratch;
    add(digest, member.text(scratch));
  });
}

void add_pair(Digest& digest, const store::StringView& first, const store::StringView& second) {
  Digest pair = {};
  mix(pair, first);
  mix(pair, second);
  add(digest, bytes_of(pair));
}

void add_scored(Digest& digest, const store::SortedSetView& set) {
  set.for_each_from(0, true, [&](const store::ScoredMember& scored) {
    const std::string score = fmt::format("{:.17g}", scored.score);
    add_pair(digest, scored.member, store::StringView(std::string_view(score)));
    return true;
  });
}

void mix_elements(Digest& digest, const store::Entry& entry) {
  using store::ObjectType;
  switch (entry.type()) {
    case ObjectType::kList:
      return mix_list(digest, store::ListView(entry));
    case ObjectType::kSet:
      return add_members(digest, store::SetView(entry));
    case ObjectType::kSortedSet:
      return add_scored(digest, store::SortedSetView(entry));
    case ObjectType::kHash:
      return store::HashView(entry).for_each(
          [&](const store::StringView& field, const store::StringView& value) { add_pair(digest, field, value); });
    default:
      return mix(digest, entry.string());
  }
}

void mix_value(Digest& digest, const store::Entry& entry) {
  mix_number(digest, static_cast<uint32_t>(entry.type()));
  mix_elements(digest, entry);
  if (entry.has_expiry()) add(digest, "!!expire!!");
}

}  // namespace

Digest value_digest(const store::Entry& entry) {
  Digest digest = {};
  mix_value(digest, entry);
  return digest;
}

Digest dataset_digest(const store::Keyspace& keyspace) {
  Digest all = {};
  for (int number = 0; number < keyspace.count(); number++) {
    const store::Database& db = keyspace.database(number);
    if (db.size() == 0) continue;
    mix_number(all, static_cast<uint32_t>(number));
    db.for_each([&](const store::Entry& entry) {
      Digest digest = {};
      mix(digest, entry.key());
      mix_value(digest, entry);
      add(all, bytes_of(digest));
    });
  }
  return all;
}

std::string digest_text(const Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace cowslip::server
