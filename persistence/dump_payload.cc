#include "persistence/dump_payload.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/crc64.h"
#include "persistence/aggregate_reader.h"
#include "persistence/byte_sink.h"
#include "persistence/map_result.h"
#include "persistence/rdb_decoder.h"
#include "persistence/rdb_encoder.h"
#include "persistence/rdb_format.h"

namespace cowslip::persistence {
namespace {

// A small payload needs no large buffer.
constexpr size_t kBufferBytes = 4096;

Status check_trailer(std::string_view payload) {
  if (payload.size() < kDumpTrailerBytes) return fail(ErrorCode::kInvalidArgument, "the payload is too short");
  const char* trailer = payload.data() + payload.size() - kDumpTrailerBytes;
  uint16_t version = 0;
  uint64_t checksum = 0;
  std::memcpy(&version, trailer, sizeof version);
  std::memcpy(&checksum, trailer + sizeof version, sizeof checksum);
  if (version > kRdbNewestVersion) return fail(ErrorCode::kInvalidArgument, "the payload's version is too new");
  if (crc64(0, payload.substr(0, payload.size() - kRdbChecksumBytes)) != checksum) {
    return fail(ErrorCode::kInvalidArgument, "the payload's checksum is wrong");
  }
  return {};
}

Result<store::PreparedEntry> decode_value(RdbDecoder& decoder, uint8_t type, store::Keyspace& keyspace,
                                          store::Database& db, std::string_view key, int64_t expire_at_ms) {
  if (!CollectionReader::reads(type)) {
    return map_result(decoder.value(type), [&](store::StringView value) {
      return db.prepare({.key = key, .value = value, .expire_at_ms = expire_at_ms});
    });
  }
  AggregateReader reader(decoder, keyspace);
  auto made = reader.read(type, db, key, expire_at_ms);
  if (!made) return std::unexpected(std::move(made.error()));
  if (!*made) return decoder.corrupt("A value without elements");
  return std::move(**made);
}

}  // namespace

std::string encode_dump(const store::Entry& entry, bool compression) {
  StringSink sink;
  RdbEncoder encoder(sink, {.compression = compression, .checksum = false, .buffer_bytes = kBufferBytes});
  (void)encoder.type(RdbEncoder::type_of(entry));
  (void)encoder.value(entry);
  (void)encoder.flush();  // a StringSink does not fail
  const uint16_t version = kRdbVersionWritten;
  sink.bytes.append(reinterpret_cast<const char*>(&version), sizeof version);
  const uint64_t checksum = crc64(0, sink.bytes);
  sink.bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return std::move(sink.bytes);
}

Result<store::PreparedEntry> decode_dump(std::string_view payload, store::Keyspace& keyspace, store::Database& db,
                                         std::string_view key, int64_t expire_at_ms) {
  if (auto status = check_trailer(payload); !status) return std::unexpected(status.error());
  const std::string_view body = payload.substr(0, payload.size() - kDumpTrailerBytes);
  MemorySource source(body);
  RdbDecoder decoder(source, {.verify_checksum = false, .buffer_bytes = kBufferBytes, .bytes_total = body.size()});
  auto type = decoder.byte();
  if (!type) return std::unexpected(type.error());
  auto made = decode_value(decoder, *type, keyspace, db, key, expire_at_ms);
  if (made && decoder.offset() != body.size()) {
    return fail(ErrorCode::kCorrupt, "bytes are left over after the value");
  }
  return made;
}

}  // namespace cowslip::persistence
