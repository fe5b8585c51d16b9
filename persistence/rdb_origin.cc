#include "persistence/rdb_origin.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/numbers.h"
#include "persistence/rdb_decoder.h"

namespace cowslip::persistence {
namespace {

constexpr size_t kBufferBytes = 4096;

class FileSource final : public ByteSource {
 public:
  explicit FileSource(ReadableFile& file) : file_(file) {}
  Result<size_t> read(std::span<char> into) override { return file_.read(into); }

 private:
  ReadableFile& file_;
};

void take(const RdbItem& item, RdbOrigin& origin) {
  store::StringView::Scratch scratch;
  const std::string_view value = item.value.text(scratch);
  if (item.name == "redis-ver") origin.server_version = value.substr(0, 64);
  if (item.name == "used-mem") origin.used_memory_bytes = parse_uint64(value).value_or(0);
}

}  // namespace

Result<RdbOrigin> read_rdb_origin(FileSystem& files, const std::string& path) {
  auto file = files.open(path);
  if (!file) return std::unexpected(std::move(file.error()));
  FileSource source(**file);
  RdbDecoder decoder(source, {.verify_checksum = false, .buffer_bytes = kBufferBytes, .bytes_total = (*file)->size()});
  if (const Status begun = decoder.begin(); !begun) return std::unexpected(begun.error());
  RdbOrigin origin;
  origin.file_bytes = (*file)->size();
  for (;;) {
    const auto item = decoder.next();
    if (!item) return std::unexpected(item.error());
    if (item->kind != RdbItem::Kind::kAux) return origin;
    take(*item, origin);
  }
}

}  // namespace cowslip::persistence
